/**
 * `npm run soak`: a guarded service under load and under fire, for ten minutes. Ends with 1 if anything was lost.
 *
 *   npm run soak -- [--write]     --write puts the result into docs/soak.md
 *   SOAK_MINUTES=120              how long
 *   SOAK_SEED=7                   the same faults and leaks in the same order
 *   SOAK_CLIENTS=12               callers of each of the three services
 */
import { readFileSync, writeFileSync } from 'node:fs'
import { lossesOf, progressLine, reportOf } from './report.ts'
import { soak } from './soak.ts'

const page = new URL('../../docs/soak.md', import.meta.url)
const marks = ['<!-- soak:start -->', '<!-- soak:end -->'] as const
/** Enough to see what is wrong. */
const mostShown = 20

const course = await soak({
  minutes: variable('SOAK_MINUTES', 10),
  seed: variable('SOAK_SEED', Math.floor(Math.random() * 1e6)),
  clients: variable('SOAK_CLIENTS', 12),
  progress: (course) => console.log(progressLine(course)),
})
const report = reportOf(course)
console.log(`\n${report}`)
for (const { mode, injections, site } of course.trials) {
  for (const crash of site.service.crashes.slice(0, mostShown)) console.log(`\n${mode}: ${crash}`)
  for (const { what, finding } of injections?.mistakes.slice(0, mostShown) ?? []) {
    console.log(`\n${mode}: ${what}`)
    if (finding !== undefined) console.log(JSON.stringify(finding, withoutFrames))
  }
}
const losses = lossesOf(course)
for (const { mode, what, count } of losses) console.log(`${mode}: ${count} ${what}`)
if (losses.length === 0) console.log('\nnothing was lost')
if (process.argv.includes('--write')) write(report)
// Left to itself, Node.js 20 may wait for ever for handles to close that have been cut.
process.exit(losses.length === 0 ? 0 : 1)

/** The line is enough. */
function withoutFrames(key: string, value: unknown): unknown {
  return key === 'frames' ? undefined : value
}

function variable(name: string, byDefault: number): number {
  const text = process.env[name]
  if (text === undefined) return byDefault
  const value = Number(text)
  if (!(value > 0)) {
    console.error(`${name} must be a number above 0, not '${text}'`)
    process.exit(2)
  }
  return value
}

function write(report: string): void {
  const [start, end] = marks
  const text = readFileSync(page, 'utf8')
  const before = text.slice(0, text.indexOf(start) + start.length)
  const after = text.slice(text.indexOf(end))
  writeFileSync(page, `${before}\n\n${report}\n\n${after}`)
}
