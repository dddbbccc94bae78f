/**
 * A report without what differs from run to run: times, process ids, durations, and which of its durations are worth telling,
 * of which a busy machine has more.
 */
export function withoutFigures(text: string): string {
  return (
    text
      .replaceAll(/\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ/g, 'TIME')
      .replaceAll(/pid\s+\d+/g, 'pid N')
      .replaceAll(/\d+(\.\d+)?\s+m?s\b/g, 'N s')
      // Wrapped, they may be on two lines.
      .replaceAll(/,\s+(?:(?:[a-z]+\s+)+for N s|N s\s+in\s+the\s+database)/g, '')
      .replaceAll(/[ \t]+$/gm, '')
      .trim()
  )
}
