let origin = performance.timeOrigin;

/** Milliseconds of Unix time with their fractions. Follows the clock of the machine when that is set anew. */
export function unixMs(): number {
  const now = performance.now();
  if (Math.abs(Date.now() - origin - now) > 50) origin = Date.now() - now;
  return origin + now;
}
