import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { servedType } from "../../src/http/served-type.ts";
import { attachmentHeader } from "../../src/object/attachment-header.ts";

describe("servedType", () => {
  it.each([
    ["a.png", "image/png"],
    ["a.JPG", "image/jpeg"],
    ["a.csv", "text/csv; charset=utf-8"],
    ["a.json", "application/json"],
    [".zarray", "application/json"],
    ["zarr.json", "application/json"],
    ["a.parquet", "application/vnd.apache.parquet"],
    ["a.h5", "application/x-hdf5"],
    ["a.tar.gz", "application/gzip"],
    ["a.npy", "application/octet-stream"],
    ["a", "application/octet-stream"],
    ["", "application/octet-stream"],
  ])("%s is %s", (name, type) => expect(servedType(name)).toBe(type));

  it.each([
    "svg",
    "html",
    "htm",
    "xhtml",
    "xml",
    "xsl",
    "pdf",
    "js",
    "mjs",
    "css",
    "swf",
    "mht",
    "mhtml",
    "svgz",
    "wasm",
    "exe",
    "hta",
    "rdf",
    "atom",
  ])(".%s is inert", (extension) => {
    expect(servedType(`a.${extension}`)).toBe("application/octet-stream");
    expect(servedType(`a.${extension.toUpperCase()}`)).toBe("application/octet-stream");
  });
});

describe("attachmentHeader", () => {
  it.each([
    ["trace.npy", 'attachment; filename="trace.npy"'],
    ["a b.csv", 'attachment; filename="a b.csv"'],
    ["Größe.csv", "attachment; filename=\"Gro_e.csv\"; filename*=UTF-8''Gr%C3%B6%C3%9Fe.csv"],
    ['a"b.csv', "attachment; filename=\"a_b.csv\"; filename*=UTF-8''a%22b.csv"],
    ["it's (1).csv", 'attachment; filename="it\'s (1).csv"'],
    ["../../etc/passwd", 'attachment; filename="_.._etc_passwd"'],
    ["a\r\nSet-Cookie: x", 'attachment; filename="a__Set-Cookie_ x"'],
    ["photo\u202egnp.exe", 'attachment; filename="photo_gnp.exe"'],
    ["CON.txt", 'attachment; filename="_CON.txt"'],
    ["...", 'attachment; filename="download"'],
  ])("%j", (name, header) => expect(attachmentHeader(name)).toBe(header));

  it("is one line of ASCII whatever the name", () => {
    fc.assert(
      fc.property(fc.string({ unit: "binary" }), (name) =>
        /^attachment; filename="[\x20-\x7e]+"(; filename\*=UTF-8''[\x21-\x7e]+)?$/.test(
          attachmentHeader(name),
        ),
      ),
    );
  });
});
