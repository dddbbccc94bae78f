import { randomBytes } from 'node:crypto'
import { ConnectionError } from '../../errors.ts'
import { type ControlConnection, connectControl } from '../../postgres/index.ts'
import { type CommandSpec, type Invocation, UsageError } from '../command.ts'
import { type CommonOptions, connect, connectionOptions, outputOptions } from '../common-options.ts'
import { parseCount, parseDuration, parseTimeout } from '../option-values.ts'
import { originOptions } from '../origins/origin-options.ts'
import { patientOrigins } from '../origins/patient-origins.ts'
import { readPgBouncer } from '../origins/pgbouncer-origins.ts'
import { systemPace } from '../pace.ts'
import { childEnvironment } from './child-environment.ts'
import { directRoute } from './direct-route.ts'
import type { MigrateEvent, Tell } from './migrate-event.ts'
import { migrateText } from './migrate-text.ts'
import { runMigration } from './migration.ts'
import { serverView } from './server-view.ts'
import { signalRelay } from './signal-relay.ts'

interface MigrateOptions extends CommonOptions {
  readonly lockTimeout: number
  readonly retries: number
  readonly retryPause: number
  readonly free?: number
  readonly protectReaders?: number
  readonly pgoptions: boolean
  readonly trustExitCode?: boolean
  readonly pgbouncer?: string
}

export const migrate: CommandSpec = {
  name: 'migrate',
  description:
    'Runs a migration tool, names who blocks it while it waits, gives up a lock before others suffer, and tries again. Its terminal, signals and exit code are passed through.',
  operands: '<command...>',
  options: [
    {
      flags: '--lock-timeout <duration>',
      description:
        'how long a statement may wait for a lock; 0 for as long as it takes. Waits that are over in less than half a second may go unnoticed',
      parse: parseTimeout,
      default: '5s',
    },
    {
      flags: '--retries <count>',
      description: 'how often to run the command again after it failed because of a lock',
      parse: parseCount,
      default: '5',
    },
    {
      flags: '--retry-pause <duration>',
      description:
        'the pause before the first retry; doubled each time up to a minute, give or take a quarter',
      parse: parseTimeout,
      default: '1s',
    },
    {
      flags: '--free <policy>',
      description:
        'idle-in-transaction:30s ends whoever is at the very front of those that the command waits for, if it idles in its transaction for so long. Nobody else is ever ended',
      parse: parseFree,
    },
    {
      flags: '--protect-readers <count>',
      description:
        'cancel the statement of the command when more sessions than this wait behind it, and try again',
      parse: parseCount,
    },
    {
      flags: '--no-pgoptions',
      description: 'do not hand PGOPTIONS to the command, for a pooler that refuses it',
    },
    {
      flags: '--trust-exit-code',
      description: 'believe an exit code 0 although the server refused a statement',
    },
    ...connectionOptions,
    ...originOptions,
    ...outputOptions,
  ],
  notes: `The command gets PGAPPNAME and PGOPTIONS (lock_timeout), added to what you have set. A lock_timeout in your own
PGOPTIONS stays. Where it connects to, it must know itself. --url is where pg-lifeguard looks: the server
itself, also if the command goes through a pooler.

Its sessions are found by their application name, and on Linux by the sockets of its processes. A session that
is older than the command is never taken for its own because of its name. Behind a pooler a name may be somebody
else's by now: such a session is shown as unverified and left alone, unless --pgbouncer tells whose it is.

A command that is run again must be able to start again: run each migration in a transaction, as most tools do.
CREATE INDEX CONCURRENTLY cannot be, and leaves an invalid index behind when it is interrupted. Such an index is
named, with the statement that drops it, and there is no retry. psql needs -v ON_ERROR_STOP=1; without, it goes
on after an error and exits with 0, which is seen through: exit code 75, and no retry.

When the command ends, also by Ctrl-C, SIGTERM or kill -9, a statement that it left running on the server is
cancelled. Messages of pg-lifeguard go to stderr, with --json one line of JSON each.`,
  examples: [
    ['pg-lifeguard migrate -- npx knex migrate:latest', 'with a lock timeout of 5 s and 5 retries'],
    [
      'pg-lifeguard migrate --free idle-in-transaction:30s -- alembic upgrade head',
      'and end who sits in front of it, forgotten',
    ],
    [
      'pg-lifeguard migrate --protect-readers 10 -- psql -v ON_ERROR_STOP=1 --single-transaction -f change.sql',
      'and step back when more than ten wait behind it',
    ],
  ],
  exitCodes: `Exit codes:
  that of the command; 128+n if signal n ended it; 126 or 127 if it could not be started
  2   the command line makes no sense: nothing was run
  3   no connection: nothing was run
  75  gave up because of locks, or a statement was refused and the command said nothing`,
  async run(invocation) {
    const options = invocation.options as unknown as MigrateOptions
    const tell = teller(invocation, options.json === true)
    const control = await connect(invocation)
    await using view = serverView(control, () => connect(invocation), { pace: systemPace, tell })
    const refusal = await refusalOfOptions(control, invocation, options)
    const hasPooler = control.isPooled || !options.pgoptions || options.pgbouncer !== undefined
    if (refusal !== undefined) {
      const isBlind = hasPooler && options.pgbouncer === undefined
      tell({ event: 'without-options', reason: refusal, isBlind })
    }
    const { env, application } = childEnvironment(invocation.env, {
      token: randomBytes(4).toString('hex'),
      lockTimeoutMillis: options.lockTimeout,
      withOptions: refusal === undefined,
    })
    tell({
      event: 'started',
      target: control.target,
      lockTimeoutMillis: options.lockTimeout,
      retries: options.retries,
    })
    using relay = signalRelay()
    return await runMigration(
      {
        retries: options.retries,
        retryPauseMillis: options.retryPause,
        trustExitCode: options.trustExitCode === true,
      },
      {
        command: invocation.operands,
        env,
        application,
        policy: {
          lockTimeoutMillis: options.lockTimeout,
          queryText: options.queryText,
          ...(options.free === undefined ? {} : { freeIdleMillis: options.free }),
          ...(options.protectReaders === undefined ? {} : { mostBehind: options.protectReaders }),
        },
        view,
        origins: patientOrigins(invocation),
        isDirect: directRoute({ isPooled: hasPooler }),
        ...(options.pgbouncer === undefined
          ? {}
          : { poolerClients: poolerClients(options.pgbouncer, invocation.env) }),
        tell,
        pace: systemPace,
        relay,
        target: control.target,
      },
    )
  },
}

/** Everything goes to stderr: stdout is the command's. */
function teller({ terminal }: Invocation, json: boolean): Tell {
  const { style, columns } = terminal.aside ?? terminal
  const layout = { style, ...(columns === undefined ? {} : { columns }) }
  return (event: MigrateEvent) => {
    const time = new Date().toISOString()
    terminal.warn(json ? JSON.stringify({ time, ...event }) : migrateText(event, layout))
  }
}

/** Asked often, and not worth ending for: without an answer nothing is certain. */
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

/** Why the command gets no options: nobody wants it to, or a pooler would refuse them. */
async function refusalOfOptions(
  { isPooled }: ControlConnection,
  { env }: Invocation,
  { pgoptions, lockTimeout, url, database, connectTimeout }: MigrateOptions,
): Promise<string | undefined> {
  if (!pgoptions) return '--no-pgoptions'
  if (!isPooled || lockTimeout === 0) return undefined
  const wishes = { token: '', lockTimeoutMillis: lockTimeout, withOptions: true }
  try {
    const probe = await connectControl({
      env: childEnvironment(env, wishes).env,
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
