import { type Finding, isLeak } from '../core/findings/finding.ts'
import { describePool } from '../core/pool-record.ts'
import { oneLine } from '../text/safe-text.ts'
import { distinctFindings, fileOf, placeOf } from './place.ts'

/**
 * Workflow commands that annotate the line of each finding on GitHub. A step must print them on stdout.
 *
 * @example
 * process.stdout.write(githubAnnotations(findings))
 */
export function githubAnnotations(findings: readonly Finding[]): string {
  return distinctFindings(findings)
    .map((finding) => {
      const place = placeOf(finding)
      const at =
        place === undefined
          ? {}
          : { file: fileOf(place), line: String(place.line), col: String(place.column) }
      const properties = { ...at, title: `${finding.kind} in ${describePool(finding.pool)}` }
      const list = Object.entries(properties).map(([name, value]) => `${name}=${property(value)}`)
      const level = isLeak(finding) ? 'error' : 'warning'
      return `::${level} ${list.join(',')}::${data(oneLine(finding.hint))}\n`
    })
    .join('')
}

/** Escapes a value for GitHub's runner. */
function data(text: string): string {
  return text.replaceAll('%', '%25').replaceAll('\r', '%0D').replaceAll('\n', '%0A')
}

function property(text: string): string {
  return data(oneLine(text)).replaceAll(':', '%3A').replaceAll(',', '%2C')
}
