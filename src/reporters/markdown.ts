import type { Finding } from '../core/findings/finding.ts'
import { oneLine } from '../text/safe-text.ts'
import { distinctFindings, fileOf, placeOf } from './place.ts'
import { verdictOf } from './verdict.ts'

/**
 * Findings as a Markdown table, for the summary of a job.
 *
 * @example
 * appendFileSync(process.env.GITHUB_STEP_SUMMARY, markdownSummary(findings))
 */
export function markdownSummary(findings: readonly Finding[]): string {
  const distinct = distinctFindings(findings)
  if (distinct.length === 0) return ''
  const rows = distinct.map((finding) => {
    const place = placeOf(finding)
    const where = place === undefined ? '' : `${fileOf(place)}:${place.line}`
    const scope = finding.scope === undefined ? '' : `${finding.scope.kind} ${finding.scope.name}`
    const verdict = verdictOf(finding)
    const kind = verdict === undefined ? finding.kind : `${finding.kind} (${verdict})`
    return `| ${[kind, where, scope, finding.hint].map(cell).join(' | ')} |`
  })
  return [
    '### pg-lifeguard',
    '',
    '| finding | where | in | likely cause |',
    '| --- | --- | --- | --- |',
    ...rows,
    '',
  ]
    .join('\n')
    .concat('\n')
}

/** Escaped: text from the code and the database must not be read as markup. */
function cell(text: string): string {
  return oneLine(text).replace(/[\\`*_{}[\]<>|#~&]/g, (mark) => `&#${mark.charCodeAt(0)};`)
}
