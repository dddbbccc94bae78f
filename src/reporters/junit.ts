import type { Finding } from '../core/findings/finding.ts'
import { safeText } from '../text/safe-text.ts'
import { findingText } from './finding-text.ts'
import { distinctFindings, fileOf, placeOf } from './place.ts'

/**
 * Findings as a JUnit report: each is a failed test case, with its certainty, pool, scope and last query as properties.
 *
 * @example
 * writeFileSync('leaks.xml', junitReport(findings))
 */
export function junitReport(findings: readonly Finding[]): string {
  const distinct = distinctFindings(findings)
  const count = `tests="${distinct.length}" failures="${distinct.length}" errors="0"`
  return [
    '<?xml version="1.0" encoding="UTF-8"?>',
    `<testsuites ${count}>`,
    `  <testsuite name="pg-lifeguard" ${count}>`,
    ...distinct.flatMap(testCase),
    '  </testsuite>',
    '</testsuites>',
    '',
  ].join('\n')
}

function testCase(finding: Finding): string[] {
  const { kind, certainty, pool, scope, hint } = finding
  const place = placeOf(finding)
  const where = place === undefined ? 'unknown place' : `${fileOf(place)}:${place.line}`
  const at = place === undefined ? {} : { file: fileOf(place), line: place.line }
  const properties = { certainty, pool, scope: scope?.name, 'last-query': finding.checkout.lastQuery }
  const text = findingText(finding, { style: (_format, part) => part, columns: undefined, frame: true })
  return [
    `    <testcase${attributes({ classname: `pg-lifeguard.${kind}`, name: where, ...at, time: 0 })}>`,
    '      <properties>',
    ...Object.entries(properties).flatMap(([name, value]) =>
      value === undefined ? [] : [`        <property${attributes({ name: `lifeguard.${name}`, value })}/>`],
    ),
    '      </properties>',
    `      <failure${attributes({ type: kind, message: hint })}>${escaped(text)}</failure>`,
    '    </testcase>',
  ]
}

function attributes(values: Readonly<Record<string, string | number>>): string {
  return Object.entries(values)
    .map(([name, value]) => ` ${name}="${escaped(String(value)).replaceAll('\n', '&#10;')}"`)
    .join('')
}

/** XML allows no control characters, even escaped; `safeText` replaces them. */
function escaped(text: string): string {
  return safeText(text)
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll('>', '&gt;')
    .replaceAll('"', '&quot;')
}
