/** Classes of the language whose instances come through as what they are; classes derived from them do not. */
const prototypes = new Set<object | null>(
  [
    ...[Array, Map, Set, Date, RegExp, Buffer, Uint8Array, ArrayBuffer, DataView],
    ...[Error, EvalError, RangeError, ReferenceError, SyntaxError, TypeError],
    ...[Int8Array, Uint8ClampedArray, Int16Array, Uint16Array, Int32Array, Uint32Array],
    ...[Float32Array, Float64Array, BigInt64Array, BigUint64Array],
  ].map(({ prototype }) => prototype as object),
);

export function isBuiltIn(prototype: object | null): boolean {
  return prototypes.has(prototype);
}

/** Derived from a class of the language that holds more than its members tell. */
export function derivesFromBuiltIn(prototype: object): boolean {
  for (let at: object | null = prototype; at !== null; at = Object.getPrototypeOf(at) as object | null) {
    if (prototypes.has(at)) return true;
  }
  return false;
}
