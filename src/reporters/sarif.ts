import { type Finding, isLeak } from '../core/findings/finding.ts'
import { describePool } from '../core/pool-record.ts'
import { oneLine } from '../text/safe-text.ts'
import { distinctFindings, fileOf, placeOf } from './place.ts'

/** A log in SARIF, the Static Analysis Results Interchange Format. */
export interface SarifLog {
  readonly version: '2.1.0'
  readonly $schema: string
  readonly runs: readonly object[]
}

/**
 * Findings for programs that read SARIF 2.1.0, such as GitHub's code scanning.
 *
 * @example
 * writeFileSync('leaks.sarif', JSON.stringify(sarifLog(findings)))
 */
export function sarifLog(findings: readonly Finding[]): SarifLog {
  const distinct = distinctFindings(findings)
  const kinds = [...new Set(distinct.map(({ kind }) => kind))]
  return {
    version: '2.1.0',
    $schema: 'https://json.schemastore.org/sarif-2.1.0.json',
    runs: [
      {
        tool: { driver: { name: 'pg-lifeguard', rules: kinds.map((id) => ({ id, name: pascal(id) })) } },
        columnKind: 'utf16CodeUnits',
        results: distinct.map((finding) => ({
          ruleId: finding.kind,
          ruleIndex: kinds.indexOf(finding.kind),
          level: isLeak(finding) ? 'error' : 'warning',
          message: { text: oneLine(`${finding.kind} in ${describePool(finding.pool)}: ${finding.hint}`) },
          locations: locationsOf(finding),
          partialFingerprints: { 'pgLifeguardFingerprint/v1': finding.fingerprint },
        })),
      },
    ],
  }
}

function locationsOf(finding: Finding): object[] {
  const place = placeOf(finding)
  if (place === undefined) return []
  const file = fileOf(place)
  const uri = file.split('/').map(encodeURIComponent).join('/')
  const region = { startLine: place.line, startColumn: place.column }
  const artifactLocation = file.startsWith('/') ? { uri: `file://${uri}` } : { uri, uriBaseId: '%SRCROOT%' }
  return [{ physicalLocation: { artifactLocation, region } }]
}

function pascal(kind: string): string {
  return kind.replace(/(?:^|-)(.)/g, (_match, letter: string) => letter.toUpperCase())
}
