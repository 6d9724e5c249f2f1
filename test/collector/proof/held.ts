/** What others do while a process is held at a point. */

import type { World } from "./world.ts";

/** Waits until `work` is over, or waits for a lock of the process that is held. */
export async function overOrBlocked(world: World, work: Promise<unknown>): Promise<void> {
  let isOver = false;
  const note = (): void => {
    isOver = true;
  };
  work.then(note, note);
  for (let attempt = 0; attempt < 500 && !isOver; attempt++) {
    const { rows } = await world.db.query(
      "SELECT FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'",
    );
    if (rows.length > 0) return;
    await new Promise((resolve) => setTimeout(resolve, 2));
  }
}
