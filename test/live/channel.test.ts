/** The queue between a feed and one client. */

import { describe, expect, it } from "vitest";
import { Channel } from "../../src/api/live/channel.ts";

function open(items = 2, size = 100) {
  let ends = 0;
  const channel = new Channel<number>({ items, size }, () => {
    ends += 1;
  });
  return { channel, ends: () => ends };
}

describe("a channel", () => {
  it("takes as many as may wait, and as much, but always one", async () => {
    const { channel } = open();
    expect([channel.push(1, 1000), channel.push(2, 1)]).toEqual([true, false]);
    expect(await channel.next()).toEqual({ done: false, value: 1 });
    expect([channel.push(2, 60), channel.push(3, 60), channel.push(4, 40), channel.push(5, 0)]).toEqual([
      true,
      false,
      true,
      false,
    ]);
  });

  it("hands over to who waits, and says when it is empty", async () => {
    const { channel } = open(1);
    const first = channel.next();
    expect(channel.push(1, 1)).toBe(true);
    expect(await first).toEqual({ done: false, value: 1 });
    channel.push(2, 1);
    let isDrained = false;
    const drained = channel.drained().then(() => {
      isDrained = true;
    });
    await Promise.resolve();
    expect(isDrained).toBe(false);
    await channel.next();
    await drained;
    await channel.drained();
  });

  it("gives what is in it before its error, once, and then ends", async () => {
    const { channel, ends } = open();
    channel.push(1, 1);
    channel.end(new Error("over"));
    channel.end();
    expect([channel.push(2, 1), channel.isEnded, ends()]).toEqual([false, true, 1]);
    expect(await channel.next()).toEqual({ done: false, value: 1 });
    await expect(channel.next()).rejects.toThrow("over");
    expect(await channel.next()).toEqual({ done: true, value: undefined });
    const waiting = open();
    const next = waiting.channel.next();
    waiting.channel.end(new Error("over"));
    await expect(next).rejects.toThrow("over");
    expect(await waiting.channel.next()).toEqual({ done: true, value: undefined });
  });

  it("ends at once for a consumer that returns while it waits, and for a producer that waits for room", async () => {
    const { channel, ends } = open(1);
    const next = channel.next();
    await channel.return();
    expect(await next).toEqual({ done: true, value: undefined });
    expect(ends()).toBe(1);
    const full = open(1);
    full.channel.push(1, 1);
    const drained = full.channel.drained();
    await full.channel.return();
    await drained;
    expect(await full.channel.next()).toEqual({ done: true, value: undefined });
  });
});
