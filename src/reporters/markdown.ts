import type { Finding } from '../core/findings/finding.ts'
import { oneLine } from '../text/safe-text.ts'
import { distinctFindings, fileOf, placeOf } from './place.ts'

/**
 * A table for the summary of a job.
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
    return `| ${[finding.kind, where, scope, finding.hint].map(cell).join(' | ')} |`
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

/** Nothing in it is to be read as markup: it comes from the code and the database. */
function cell(text: string): string {
  return oneLine(text).replace(/[\\`*_{}[\]<>|#~&]/g, (mark) => `&#${mark.charCodeAt(0)};`)
}
