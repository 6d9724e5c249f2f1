import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { camelCase, enumTypeName, pascalCase, snakeCase } from "../../src/model/naming.ts";
import { pluralName } from "../../src/model/plural.ts";

describe("names", () => {
  it("follow DataJoint's class rule", () => {
    expect(["LFPScan", "ScanStats", "Scan2P", "A"].map(snakeCase)).toEqual([
      "l_f_p_scan",
      "scan_stats",
      "scan2_p",
      "a",
    ]);
    expect(["l_f_p_scan", "#species", "__scan_stats", "session__trial"].map(pascalCase)).toEqual([
      "LFPScan",
      "Species",
      "ScanStats",
      "SessionTrial",
    ]);
  });

  it("come back from camel case, whatever the attribute", () => {
    fc.assert(
      fc.property(fc.stringMatching(/^[a-z][a-z0-9_]{0,20}$/), (name) => {
        expect(snakeCase(camelCase(name))).toBe(name);
      }),
    );
  });

  it("come back from snake case, whatever the class", () => {
    fc.assert(
      fc.property(fc.stringMatching(/^[A-Z][A-Za-z0-9]{0,20}$/), (name) => {
        expect(pascalCase(snakeCase(name))).toBe(name);
      }),
    );
  });

  it("of enum types do not depend on the order, and are the peer's", () => {
    expect(enumTypeName(["F", "M", "U"])).toBe("enum_e54fc739");
    expect(enumTypeName(["M", "U", "F"])).toBe("enum_e54fc739");
    expect(enumTypeName(["pending", "reserved", "success", "error", "ignore"])).toBe("enum_609a743e");
  });
});

describe("plurals", () => {
  it.each([
    ["session", "sessions"],
    ["species", "speciesList"],
    ["mouse", "mice"],
    ["scanBox", "scanBoxes"],
    ["study", "studies"],
    ["spikeAnalysis", "spikeAnalyses"],
    ["lfpStimulus", "lfpStimuli"],
    ["bus", "buses"],
    ["day", "days"],
    ["settings", "settingsList"],
    ["rawData", "rawDataList"],
    ["batch", "batches"],
  ])("of %s is %s", (singular, plural) => {
    expect(pluralName(singular)).toBe(plural);
  });
});
