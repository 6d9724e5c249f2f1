/** Base32 of RFC 4648, lower case, without padding: how DataJoint names objects by their MD5. */

const alphabet = "abcdefghijklmnopqrstuvwxyz234567";

/** 26 characters for 16 bytes. */
export function base32Lower(bytes: Uint8Array): string {
  let out = "";
  let held = 0;
  let bits = 0;
  for (const byte of bytes) {
    held = ((held << 8) | byte) & 0xfff;
    bits += 8;
    while (bits >= 5) {
      bits -= 5;
      out += alphabet[(held >> bits) & 31];
    }
  }
  return bits === 0 ? out : out + alphabet[(held << (5 - bits)) & 31];
}
