/**
 * How values stand in a batch. The first byte tells:
 *
 *     00-7f  that whole number              80-bf  ASCII text of 0 to 63 bytes
 *     c0 null   c1 undefined   c2 false   c3 true
 *     c4 i32    c5 f64         c6 u32 count, UTF-8
 *     c7 u32 count, bytes (Buffer)          ce the same (Uint8Array)
 *     c8 u32 count, that many values
 *     c9 u16 number of a shape seen before in this batch, its values
 *     ca u16 count of names, names as texts: the next shape of this batch; its values
 *     cd u32 count, that many pairs of name and value (objects whose names vary)
 *     cb u32 count, MessagePack (all else)
 *     cf the key that the message came with
 *     cc u32 count, bytes that the application's own `serialize` made
 */
export const tag = {
  shortText: 0x80,
  null: 0xc0,
  undefined: 0xc1,
  false: 0xc2,
  true: 0xc3,
  i32: 0xc4,
  f64: 0xc5,
  text: 0xc6,
  buffer: 0xc7,
  array: 0xc8,
  record: 0xc9,
  newRecord: 0xca,
  messagePack: 0xcb,
  serialized: 0xcc,
  dictionary: 0xcd,
  uint8Array: 0xce,
  key: 0xcf,
} as const;

export const shortTextMax = 63;
/** Deeper nesting is refused: it is a cycle, or an attack. */
export const depthMax = 64;
/** An object of more members, or one more shape than that, is written as a dictionary. */
export const shapeMembersMax = 64;
export const shapesMax = 256;
