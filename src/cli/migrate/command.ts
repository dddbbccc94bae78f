import { randomBytes } from 'node:crypto'
import { ConnectionError } from '../../errors.ts'
import { type ControlConnection, connectControl } from '../../postgres/index.ts'
import { systemPace } from '../../postgres/look/pace.ts'
import { serverLook } from '../../postgres/look/server-look.ts'
import { type CommandSpec, type Invocation, UsageError } from '../command.ts'
import {
  type CommonOptions,
  connect,
  connectionOptions,
  outputOptions,
  type SpareOptions,
  spareOption,
} from '../common-options.ts'
import { parseCount, parseDuration, parseTimeout } from '../option-values.ts'
import { originOptions } from '../origins/origin-options.ts'
import { patientOrigins } from '../origins/patient-origins.ts'
import { readPgBouncer } from '../origins/pgbouncer-origins.ts'
import { textOptions } from '../report/text-options.ts'
import { childEnvironment } from './child-environment.ts'
import type { MigrateEvent } from './events.ts'
import { inOrder } from './in-order.ts'
import type { MigrationPolicy } from './migration.ts'
import { runWithRetries } from './retries.ts'
import { signalRelay } from './signal-relay.ts'
import { migrateText } from './text.ts'

interface MigrateOptions extends CommonOptions, SpareOptions {
  readonly lockTimeout: number
  readonly retries: number
  readonly retryPause: number
  readonly free?: number
  readonly protectReaders?: number
  readonly pgoptions: boolean
  readonly trustExitCode?: boolean
  readonly pgbouncer?: string
}

const reconnectPause = { first: 500, most: 10_000 }

export const migrate: CommandSpec = {
  name: 'migrate',
  description:
    'Runs a migration tool: names the session that blocks it, ends a lock wait before others queue for long, and retries. Terminal, signals and exit code are passed through.',
  operands: '<command...>',
  options: [
    {
      flags: '--lock-timeout <duration>',
      description:
        'the time limit of a lock wait; 0: no limit. Waits shorter than half a second may go unnoticed',
      parse: parseTimeout,
      default: '5s',
    },
    {
      flags: '--retries <count>',
      description: 'the number of retries after the command failed because of locks',
      parse: parseCount,
      default: '5',
    },
    {
      flags: '--retry-pause <duration>',
      description: 'the pause before the first retry; doubles each time, up to a minute, plus or minus 25 %',
      parse: parseTimeout,
      default: '1s',
    },
    {
      flags: '--free <policy>',
      description:
        'idle-in-transaction:30s ends the root blocker of the command if it has been idle in its transaction for that long. No other session is ended, and never a backup',
      parse: parseFree,
    },
    spareOption,
    {
      flags: '--protect-readers <count>',
      description: 'cancel its statement and retry when more sessions than this wait behind the command',
      parse: parseCount,
    },
    {
      flags: '--no-pgoptions',
      description: 'do not set PGOPTIONS, for a pooler that refuses it',
    },
    {
      flags: '--trust-exit-code',
      description: 'accept exit code 0 as success even if the server refused a statement',
    },
    ...connectionOptions,
    ...originOptions,
    ...outputOptions,
  ],
  notes: `The command gets PGAPPNAME and PGOPTIONS (lock_timeout), added to what you have set. A lock_timeout in your
own PGOPTIONS stays. The command connects as it is configured. --url is where pg-lifeguard looks: the server
itself, even if the command goes through a pooler.

Its sessions are found by their application name, and on Linux by the sockets of its processes. A name alone
does not make a session that is older than the command its own. Behind a pooler, a session with the name may
serve another client by now: it is shown as unverified and left alone, unless --pgbouncer reports its client.

A retry starts the command from the beginning: run each migration in a transaction, as most tools do. There is no
retry if it could not succeed: for an invalid index of CREATE INDEX CONCURRENTLY or a half detached partition, which
are named with the statement that cleans up, and after a schema change that no migration tool has recorded.
CONCURRENTLY waits for older transactions, and no session queues behind it: run it with --lock-timeout 0.
psql needs -v ON_ERROR_STOP=1; without it, psql continues after an error and exits with 0. That is detected: exit
code 75, and no retry.

When the command ends, even by Ctrl-C, SIGTERM or kill -9, a statement that it left running on the server is
cancelled. Messages of pg-lifeguard go to stderr, with --json as one line of JSON each.`,
  examples: [
    ['pg-lifeguard migrate -- npx knex migrate:latest', 'with a lock timeout of 5 s and 5 retries'],
    [
      'pg-lifeguard migrate --free idle-in-transaction:30s -- alembic upgrade head',
      'and end a forgotten transaction that blocks it',
    ],
    [
      'pg-lifeguard migrate --protect-readers 10 -- psql -v ON_ERROR_STOP=1 --single-transaction -f change.sql',
      'and retry later when more than ten sessions wait behind it',
    ],
  ],
  exitCodes: `Exit codes:
  that of the command; 128+n if signal n ended it; 126 or 127 if it could not be started
  2   invalid usage: nothing was run
  3   no connection: nothing was run
  75  gave up because of locks, or the server refused a statement and the command exited with 0`,
  async run(invocation) {
    const options = invocation.options as unknown as MigrateOptions
    const control = await connect(invocation)
    const { emit, settled } = inOrder(printer(invocation, options.json === true))
    await using server = serverLook({
      control,
      connect: () => connect(invocation),
      pace: systemPace,
      pauses: reconnectPause,
      onLost: (reason) => emit({ event: 'lost', reason }),
      onBack: () => emit({ event: 'back' }),
    })
    const hasPooler = control.isPooled || !options.pgoptions || options.pgbouncer !== undefined
    const refusal = await refusalOfOptions(control, invocation, options)
    if (refusal !== undefined) {
      const isBlind = hasPooler && options.pgbouncer === undefined
      emit({ event: 'without-options', reason: refusal, isBlind })
    }
    const policy = policyOf(options)
    const { lockTimeoutMillis, retries } = policy
    emit({ event: 'started', target: control.target, lockTimeoutMillis, retries })
    using signals = signalRelay()
    const code = await runWithRetries({
      command: invocation.operands,
      ...childEnvironment(invocation.env, {
        token: randomBytes(4).toString('hex'),
        lockTimeoutMillis,
        withOptions: refusal === undefined,
      }),
      target: control.target,
      policy,
      hasOptions: refusal === undefined && lockTimeoutMillis > 0,
      hasPooler,
      ...(options.pgbouncer === undefined
        ? {}
        : { poolerClients: poolerClients(options.pgbouncer, invocation.env) }),
      server,
      origins: patientOrigins(invocation),
      emit,
      pace: systemPace,
      signals,
    })
    await settled()
    return code
  },
}

function policyOf({ free, protectReaders, spare = [], ...options }: MigrateOptions): MigrationPolicy {
  return {
    lockTimeoutMillis: options.lockTimeout,
    ...(free === undefined ? {} : { freeIdleMillis: free }),
    spare,
    ...(protectReaders === undefined ? {} : { mostBehind: protectReaders }),
    retries: options.retries,
    retryPauseMillis: options.retryPause,
    trustExitCode: options.trustExitCode === true,
    queryText: options.queryText,
  }
}

/** Prints everything on stderr: stdout belongs to the command. */
function printer(invocation: Invocation, json: boolean) {
  const { terminal } = invocation
  const layout = textOptions(invocation, terminal.aside ?? terminal)
  return (event: MigrateEvent, at: Date) => {
    terminal.warn(json ? JSON.stringify({ time: at.toISOString(), ...event }) : migrateText(event, layout))
  }
}

/** The pooler's clients, read at each look. A failure does not end the run: without an answer nothing is certain. */
function poolerClients(url: string, env: NodeJS.ProcessEnv) {
  return async (): Promise<ReadonlyMap<number, string>> => {
    try {
      const { clients } = await readPgBouncer(url, env)
      return new Map([...clients].map(([pid, client]) => [pid, client?.application ?? '']))
    } catch (error) {
      if (error instanceof ConnectionError) return new Map()
      throw error
    }
  }
}

/** The reason why the command gets no PGOPTIONS: an option, or a pooler that would refuse it. */
async function refusalOfOptions(
  { isPooled }: ControlConnection,
  { env }: Invocation,
  { pgoptions, pgbouncer, lockTimeout, url, database, connectTimeout }: MigrateOptions,
): Promise<string | undefined> {
  if (!pgoptions) return '--no-pgoptions'
  if (lockTimeout === 0) return undefined
  if (pgbouncer !== undefined) return 'PgBouncer (--pgbouncer) refuses or ignores it'
  if (!isPooled) return undefined
  const additions = { token: '', lockTimeoutMillis: lockTimeout, withOptions: true }
  try {
    const probe = await connectControl({
      env: childEnvironment(env, additions).env,
      connectMillis: connectTimeout,
      ...(url === undefined ? {} : { url }),
      ...(database === undefined ? {} : { database }),
    })
    await probe.close()
    return undefined
  } catch (error) {
    if (!(error instanceof ConnectionError)) throw error
    return `the pooler refuses it: ${error.message.split('\n')[0]}`
  }
}

function parseFree(text: string): number {
  const duration = /^idle-in-transaction:(.+)$/.exec(text)?.[1]
  if (duration === undefined) throw new UsageError('It must look like idle-in-transaction:30s.')
  return parseDuration(duration)
}
