import type { ScopeOptions } from '../core/scope.ts'
import { OptionError } from '../errors.ts'
import type { Lifeguard } from '../lifeguard.ts'

/** The handler that a job queue calls with a job. */
export type JobHandler = (...args: never[]) => unknown
/** The handlers of several kinds of jobs, by their names: a task list of graphile-worker. */
export type JobHandlers = Readonly<Record<string, unknown>>

/**
 * Runs each job in a scope, which ends when its handler returns or throws, or when its promise settles. Name and id are
 * those that graphile-worker and pg-boss pass to a handler; for other queues, the name is that of the handler.
 *
 * @returns the handler to give to the queue in place of this one, or an object of such handlers
 * @throws OptionError if an argument is not a lifeguard or not a handler
 *
 * @example
 * await run({ pgPool: pool, taskList: withJobScope(lifeguard, { sendMail, resize }) })
 * await boss.work('send-mail', withJobScope(lifeguard, sendMail))
 */
export function withJobScope<Handler extends JobHandler>(lifeguard: Lifeguard, handler: Handler): Handler
export function withJobScope<Handlers extends JobHandlers>(lifeguard: Lifeguard, handlers: Handlers): Handlers
export function withJobScope(lifeguard: Lifeguard, given: unknown): unknown {
  if (typeof lifeguard?.runInScope !== 'function') {
    const expected = 'must be a lifeguard, created by createLifeguard()'
    throw new OptionError('withJobScope(lifeguard)', expected, lifeguard)
  }
  if (typeof given === 'function') return inScope(lifeguard, given as JobHandler, undefined)
  if (typeof given !== 'object' || given === null) {
    const expected = 'must be a function, or an object of functions'
    throw new OptionError('withJobScope(lifeguard, handler)', expected, given)
  }
  const handlers = Object.entries(given).map(([name, handler]: [string, unknown]) => {
    if (typeof handler === 'function') return [name, inScope(lifeguard, handler as JobHandler, name)]
    throw new OptionError(`withJobScope(lifeguard, { ${name} })`, 'must be a function', handler)
  })
  return Object.fromEntries(handlers)
}

function inScope(lifeguard: Lifeguard, handler: JobHandler, name: string | undefined): JobHandler {
  const handle = function (this: unknown, ...args: never[]): unknown {
    return lifeguard.runInScope(describeJob(args, name ?? handler.name), () =>
      Reflect.apply(handler, this, args),
    )
  }
  // A queue may read these, as it would from the handler itself.
  return Object.defineProperties(handle, {
    name: { value: handler.name, configurable: true },
    length: { value: handler.length, configurable: true },
  })
}

/** `name` is for an unknown queue, whose arguments are not read: they may contain personal data. */
function describeJob(args: readonly unknown[], name: string): ScopeOptions {
  const jobs = ofGraphileWorker(args) ?? ofPgBoss(args)
  if (jobs === undefined) return { kind: 'job', name: name || 'job' }
  const more = jobs.count === 1 ? '' : ` and ${jobs.count - 1} more`
  return { kind: 'job', name: jobs.name, id: `${jobs.id}${more}` }
}

interface Jobs {
  readonly name: string
  /** The id of the first job. */
  readonly id: string
  readonly count: number
}

/** graphile-worker passes the job in the helpers, after the payload. */
function ofGraphileWorker([, helpers]: readonly unknown[]): Jobs | undefined {
  const job = memberOf(helpers, 'job')
  const name = memberOf(job, 'task_identifier')
  return typeof name === 'string' ? { name, id: String(memberOf(job, 'id')), count: 1 } : undefined
}

/** All jobs of a pg-boss batch belong to one queue, whose name they have. */
function ofPgBoss([batch]: readonly unknown[]): Jobs | undefined {
  if (!Array.isArray(batch)) return undefined
  const job: unknown = batch[0]
  const name = memberOf(job, 'name')
  if (typeof name !== 'string' || memberOf(job, 'expireInSeconds') === undefined) return undefined
  return { name, id: String(memberOf(job, 'id')), count: batch.length }
}

function memberOf(value: unknown, name: string): unknown {
  return typeof value === 'object' && value !== null ? Reflect.get(value, name) : undefined
}
