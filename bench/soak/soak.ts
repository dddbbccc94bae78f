import { setTimeout as sleep } from 'node:timers/promises'
import { seededRandom } from '../../test/randomised/random.ts'
import { startServer } from '../../test/support/embedded-server.ts'
import { startProxy } from '../../test/support/tcp-proxy.ts'
import { SoakDatabase } from './database.ts'
import { Faults, type Site } from './faults.ts'
import { Injections } from './injections.ts'
import { Load } from './load.ts'
import { type Mode, modes } from './protocol.ts'
import { ServiceProcess } from './service-process.ts'

export interface SoakOptions {
  /** The length of the run under fire; the end of what is under way comes on top. */
  readonly minutes: number
  readonly seed: number
  /** How many clients ask each service at the same time. */
  readonly clients: number
  /** Called about every five seconds. */
  readonly progress?: (course: Course) => void
}

/** What one service has gone through. */
export interface Trial {
  readonly mode: Mode
  readonly site: Site
  readonly load: Load
  /** None where the service is bare. */
  readonly injections: Injections | undefined
  wrongRows: number
  /** Requests of the traffic that were never answered. */
  unanswered: readonly string[]
}

/** The state of a run, during it and at its end. */
export interface Course {
  readonly options: SoakOptions
  readonly version: string
  elapsedMinutes: number
  readonly trials: readonly Trial[]
  readonly faults: Faults
}

/**
 * Runs the same service three times side by side, bare, in `observe` and in `enforce`, under the same traffic and the same
 * faults, and injects leaks into the two that are guarded.
 */
export async function soak(options: SoakOptions): Promise<Course> {
  const undo: (() => Promise<void>)[] = []
  try {
    // A crash of one of its processes must not lose what was acknowledged, and hours need a vacuum.
    const server = await startServer({ settings: { synchronous_commit: 'on', autovacuum: 'on' } })
    undo.push(() => server.stop())
    const sites: Site[] = []
    for (const mode of modes) {
      const database = await SoakDatabase.create(server.url, `soak_${mode}`)
      undo.push(() => database.drop())
      const proxy = await startProxy(server.port)
      undo.push(() => proxy.close())
      const service = await ServiceProcess.start(mode, proxy.url(database.url))
      undo.push(() => service.end())
      sites.push({ service, database, proxy })
    }
    return await underFire(options, server.version, sites)
  } finally {
    for (const step of undo.reverse()) await step()
  }
}

async function underFire(options: SoakOptions, version: string, sites: readonly Site[]): Promise<Course> {
  const faults = new Faults(sites, seededRandom(options.seed))
  const trials = sites.map((site) => startTrial(site, faults, options))
  const course: Course = { options, version, elapsedMinutes: 0, trials, faults }
  await watchCourse(course)
  await faults.stop()
  await Promise.all(trials.map(({ injections }) => injections?.stop()))
  await Promise.all(
    trials.map(async (trial) => {
      trial.unanswered = await trial.load.stop()
    }),
  )
  for (const trial of trials) await drain(trial, course.elapsedMinutes)
  return course
}

function startTrial(site: Site, faults: Faults, { seed, clients }: SoakOptions): Trial {
  const { mode, url } = site.service
  const load = new Load(url, clients, seededRandom(seed + 1))
  const injections = mode === 'bare' ? undefined : new Injections(site, faults, seededRandom(seed + 2))
  return { mode, site, load, injections, wrongRows: 0, unanswered: [] }
}

async function watchCourse(course: Course): Promise<void> {
  const started = performance.now()
  const minutesSoFar = () => (performance.now() - started) / 60_000
  for (let round = 1; minutesSoFar() < course.options.minutes; round++) {
    await sleep(Math.min(5_000, (course.options.minutes - minutesSoFar()) * 60_000))
    course.elapsedMinutes = minutesSoFar()
    if (round % 3 === 0) {
      for (const trial of course.trials) await takeSample(trial, course.elapsedMinutes)
      for (const trial of course.trials) await checkRows(trial)
    }
    course.options.progress?.(course)
  }
}

async function takeSample({ site: { service } }: Trial, minutes: number): Promise<void> {
  const answer = service.next('sample')
  service.send({ type: 'sample' })
  const report = await answer
  if (report !== undefined) service.samples.push({ minutes, sample: report.sample })
}

async function checkRows(trial: Trial): Promise<void> {
  const { acknowledged } = trial.load
  trial.load.acknowledged = []
  trial.wrongRows += await trial.site.database.wrongRows(acknowledged)
}

/** Now that nothing is under way, every slot must be free, and every finding resolved. */
async function drain(trial: Trial, minutes: number): Promise<void> {
  const { service } = trial.site
  const drained = Promise.all(
    ['main', 'side', 'tiny'].map((pool) => service.next('drained', ({ slots }) => slots.pool === pool)),
  )
  service.send({ type: 'drain' })
  await drained
  // A sweep resolves what the last releases have cleared.
  await sleep(1_500)
  await checkRows(trial)
  await takeSample(trial, minutes)
}
