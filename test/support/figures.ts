/**
 * A report without what differs from run to run: process ids, durations, and which of its durations are worth telling,
 * of which a busy machine has more.
 */
export function withoutFigures(text: string): string {
  return text
    .replaceAll(/pid \d+/g, 'pid N')
    .replaceAll(/\d+(\.\d+)? m?s\b/g, 'N s')
    .replaceAll(/, (?:[a-z ]+ for N s|N s in the database)/g, '')
    .replaceAll(/[ \t]+$/gm, '')
    .trim()
}
