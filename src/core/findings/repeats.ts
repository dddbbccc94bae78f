/**
 * True if the n-th finding with one fingerprint is reported: the first in full, then the second, the tenth and the
 * hundredth as a count. A leak in a busy route must not flood the log.
 */
export function isReported(occurrences: number): boolean {
  return occurrences <= 2 || Number.isInteger(Math.log10(occurrences))
}
