import { findingKinds } from 'pg-lifeguard'
import type { Mistake, Verdict } from './injections.ts'
import type { Course, Trial } from './soak.ts'

/** What must be zero at the end of a run, per mode, with its name. */
export interface Loss {
  readonly mode: string
  readonly what: string
  readonly count: number
}

/** The first samples are of a service that is still warming up. */
const warmUpShare = 1 / 3

/** Everything that was lost, wrong or too much; empty after a good run. */
export function lossesOf(course: Course): Loss[] {
  const losses: Loss[] = []
  for (const trial of course.trials) {
    const { mode, site, injections, wrongRows, unanswered } = trial
    const add = (what: string, count: number) => {
      if (count > 0) losses.push({ mode, what, count })
    }
    add('rows wrong', wrongRows)
    add(`requests never answered: ${unanswered.join(', ')}`, unanswered.length)
    add('slots lost', slotsLost(trial))
    add('crashes', site.service.crashes.length)
    add('mistakes', injections?.mistakes.length ?? 0)
    add('findings that were not resolved', injections?.openFindings.size ?? 0)
  }
  return losses
}

function slotsLost({ site }: Trial): number {
  const { slots } = site.service
  if (slots.length < 3) return Number.POSITIVE_INFINITY
  return slots.reduce((sum, { max, usable, waiting }) => sum + (max - usable) + waiting, 0)
}

/** One line of the state of a run. */
export function progressLine(course: Course): string {
  const { elapsedMinutes, options, trials, faults } = course
  const guarded = trials.flatMap(({ injections }) => injections ?? [])
  const sum = (verdict: Verdict) =>
    guarded.reduce((total, injections) => total + injections.count(verdict), 0)
  const injected = guarded.reduce((total, { injected }) => total + injected, 0)
  const mistakes = guarded.reduce((total, { mistakes }) => total + mistakes.length, 0)
  const wrongRows = trials.reduce((total, trial) => total + trial.wrongRows, 0)
  const crashes = trials.reduce((total, { site }) => total + site.service.crashes.length, 0)
  const requests = trials.reduce((total, { load }) => total + load.requests, 0)
  return [
    `${clock(elapsedMinutes)} of ${clock(options.minutes)}`,
    `${requests} requests`,
    `injected ${injected}`,
    `found ${sum('found')}`,
    `ended by a fault ${sum('ended by a fault')}`,
    `mistakes ${mistakes}`,
    `rows wrong ${wrongRows}`,
    `crashes ${crashes}`,
    faults.current,
  ]
    .filter((part) => part !== '')
    .join('  ')
}

/** The result in Markdown. */
export function reportOf(course: Course): string {
  const { trials, faults, options, elapsedMinutes, version } = course
  const faultCounts = [...faults.counts].sort(([, one], [, other]) => other - one)
  return [
    `${Math.round(elapsedMinutes)} minutes, seed ${options.seed}, ${options.clients} clients per service, Node ${process.versions.node}, PostgreSQL ${version}, ${process.platform}.`,
    `Faults: ${faultCounts.map(([name, count]) => `${name} ${count}`).join(', ')}.`,
    table(
      ['', ...trials.map(({ mode }) => mode)],
      [
        ['requests', ...trials.map(({ load }) => number(load.requests))],
        ['refused because of faults', ...trials.map(({ load }) => number(load.refused))],
        ['never answered', ...trials.map(({ unanswered }) => number(unanswered.length))],
        ['leaks injected', ...trials.map(({ injections }) => count(injections?.injected))],
        ['found once, with line and route', ...trials.map((trial) => verdict(trial, 'found'))],
        [
          'ended by a fault before they were leaks',
          ...trials.map((trial) => verdict(trial, 'ended by a fault')),
        ],
        ['not found', ...trials.map((trial) => verdict(trial, 'not found'))],
        ['found more than once', ...trials.map((trial) => verdict(trial, 'found more than once'))],
        ['with a wrong line or route', ...trials.map((trial) => count(wrongPlaces(trial)))],
        [
          'found, but not injected',
          ...trials.map(({ injections }) => count(injections && falseFindings(injections.mistakes))),
        ],
        [
          'sessions of correct code, killed by faults',
          ...trials.map(({ injections }) => count(injections?.killedSessions)),
        ],
        ['findings never resolved', ...trials.map(({ injections }) => count(injections?.openFindings.size))],
        ['rows wrong', ...trials.map((trial) => number(trial.wrongRows))],
        ['slots lost', ...trials.map((trial) => number(slotsLost(trial)))],
        ['crashes', ...trials.map(({ site }) => number(site.service.crashes.length))],
        ['heap at the end, MB', ...trials.map((trial) => heapAtEnd(trial))],
        ['heap slope, MB an hour', ...trials.map((trial) => heapSlope(trial))],
        ['event-loop delay, median, ms', ...trials.map((trial) => delay(trial, 'delayP50Millis'))],
        ['event-loop delay, 99th percentile, ms', ...trials.map((trial) => delay(trial, 'delayP99Millis'))],
      ],
    ),
    table(
      [
        'leak',
        ...guarded(trials).map(({ mode }) => `${mode}: found`),
        ...guarded(trials).map(({ mode }) => `${mode}: ended by a fault`),
      ],
      findingKinds.map((kind) => [
        kind,
        ...guarded(trials).map(({ injections }) => number(injections?.verdicts.get(kind)?.get('found') ?? 0)),
        ...guarded(trials).map(({ injections }) =>
          number(injections?.verdicts.get(kind)?.get('ended by a fault') ?? 0),
        ),
      ]),
    ),
  ].join('\n\n')
}

function guarded(trials: readonly Trial[]): Trial[] {
  return trials.filter(({ injections }) => injections !== undefined)
}

function verdict({ injections }: Trial, verdict: Verdict): string {
  return count(injections?.count(verdict))
}

function wrongPlaces({ injections }: Trial): number | undefined {
  return injections && injections.count('wrong line') + injections.count('wrong route')
}

function falseFindings(mistakes: readonly Mistake[]): number {
  return mistakes.filter(({ what }) => what.startsWith('found')).length
}

function heapAtEnd({ site }: Trial): string {
  const last = site.service.samples.at(-1)
  return last === undefined ? '' : (last.sample.heapBytes / 2 ** 20).toFixed(1)
}

/** By least squares, after the warm-up. */
function heapSlope({ site }: Trial): string {
  const { samples } = site.service
  const points = samples
    .slice(Math.ceil(samples.length * warmUpShare))
    .map(({ minutes, sample }) => ({ hours: minutes / 60, megabytes: sample.heapBytes / 2 ** 20 }))
  if (points.length < 10) return ''
  const meanHours = mean(points.map(({ hours }) => hours))
  const meanMegabytes = mean(points.map(({ megabytes }) => megabytes))
  let covariance = 0
  let variance = 0
  for (const { hours, megabytes } of points) {
    covariance += (hours - meanHours) * (megabytes - meanMegabytes)
    variance += (hours - meanHours) ** 2
  }
  return (covariance / variance).toFixed(1)
}

/** The median over the samples: a stall that a fault made is in one of them. */
function delay({ site }: Trial, which: 'delayP50Millis' | 'delayP99Millis'): string {
  const sorted = site.service.samples.map(({ sample }) => sample[which]).sort((one, other) => one - other)
  return (sorted[Math.floor(sorted.length / 2)] ?? Number.NaN).toFixed(2)
}

function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length
}

function clock(minutes: number): string {
  const seconds = Math.round(minutes * 60)
  return `${String(Math.floor(seconds / 60)).padStart(2, '0')}:${String(seconds % 60).padStart(2, '0')}`
}

function number(value: number): string {
  return value.toLocaleString('en-US')
}

function count(value: number | undefined): string {
  return value === undefined ? '' : number(value)
}

function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]) => `| ${cells.join(' | ')} |`
  return [line(head), line(head.map((_, index) => (index === 0 ? '---' : '---:'))), ...rows.map(line)].join(
    '\n',
  )
}
