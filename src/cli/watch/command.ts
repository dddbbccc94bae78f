import { systemPace } from '../../postgres/look/pace.ts'
import { type CommandSpec, UsageError } from '../command.ts'
import {
  type CommonOptions,
  connect,
  connectionOptions,
  outputOptions,
  type SpareOptions,
  spareOption,
} from '../common-options.ts'
import { exitCode } from '../exit-code.ts'
import { interruption } from '../interruption.ts'
import { parseDuration, parseTimeout } from '../option-values.ts'
import { originOptions } from '../origins/origin-options.ts'
import { patientOrigins } from '../origins/patient-origins.ts'
import { textOptions } from '../report/text-options.ts'
import { watchText } from './text.ts'
import { watchServer } from './watch-loop.ts'

interface WatchCommandOptions extends CommonOptions, SpareOptions {
  readonly interval: number
  readonly minIdle: number
  readonly minWait: number
  readonly heartbeat: number
  readonly terminateIdle?: number
}

const leastIntervalMillis = 100

export const watch: CommandSpec = {
  name: 'watch',
  description:
    'Polls the server and prints changes: sessions that begin to block or are idle in a transaction, changes for the worse, and their end. Runs until Ctrl-C.',
  options: [
    {
      flags: '--interval <duration>',
      description: 'the pause between two polls',
      parse: parseTimeout,
      default: '2s',
    },
    {
      flags: '--min-idle <duration>',
      description: 'report sessions that are idle in a transaction for at least this time',
      parse: parseDuration,
      default: '30s',
    },
    {
      flags: '--min-wait <duration>',
      description: 'ignore shorter waits, which are normal on a busy server',
      parse: parseDuration,
      default: '1s',
    },
    {
      flags: '--terminate-idle <duration>',
      description:
        'end sessions that are idle in a transaction for at least this time, in the connected database',
      parse: parseDuration,
    },
    spareOption,
    {
      flags: '--heartbeat <duration>',
      description: 'the pause between two lines that show that it is running; 0: none',
      parse: parseDuration,
      default: '1m',
    },
    ...connectionOptions,
    ...originOptions,
    ...outputOptions,
  ],
  notes: `Lines begin with the time (UTC) and one of:
  appeared    a session blocks others or is idle in a transaction for --min-idle, a prepared transaction is as old, or
              sessions wait for each other
  escalated   it began to block, blocks twice as many, or has lasted twice as long
  cleared     it has ended
  terminate   a session was signalled to end. The outcome: ended, signalled, changed, gone, denied
  spared      --terminate-idle leaves a session alone, and the reason: a backup, for instance
  elected     of several watchers of a database with --terminate-idle, this one ends sessions: it holds an advisory lock
  standby     another one ends sessions; this one takes over when it stops
  lost        the connection to the server was lost; watch reconnects, with growing pauses
  back        it is connected again
  heartbeat   a summary
With --json each is one line of JSON, with its time and its event.`,
  examples: [
    ['pg-lifeguard watch --database shop', 'changes in one database'],
    ['pg-lifeguard watch --terminate-idle 10m', 'and end transactions that are idle for ten minutes'],
    ['pg-lifeguard watch --json | jq -c \'select(.event == "appeared")\'', 'for programs'],
  ],
  exitCodes: `Exit codes:
  0  ended by Ctrl-C or SIGTERM
  2  invalid usage
  3  no connection at the start`,
  async run(invocation) {
    const { interval, minIdle, minWait, heartbeat, terminateIdle, spare, queryText, database, json } =
      invocation.options as unknown as WatchCommandOptions
    if (interval < leastIntervalMillis) throw new UsageError('--interval must be 100ms or longer.')
    const { terminal } = invocation
    const layout = textOptions(invocation)
    const { signal, stop } = interruption(['SIGINT', 'SIGTERM', 'SIGHUP'])
    try {
      await watchServer(
        {
          intervalMillis: interval,
          heartbeatMillis: heartbeat,
          minIdleMillis: minIdle,
          minWaitMillis: minWait,
          queryText,
          ...(terminateIdle === undefined ? {} : { terminateIdleMillis: terminateIdle }),
          ...(spare === undefined ? {} : { spare }),
          ...(database === undefined ? {} : { database }),
        },
        {
          connect: () => connect(invocation),
          origins: patientOrigins(invocation),
          emit(event) {
            const at = new Date()
            terminal.print(
              json === true
                ? JSON.stringify({ time: at.toISOString(), ...event })
                : watchText(event, at, layout),
            )
          },
          pace: systemPace,
          signal,
        },
      )
    } finally {
      stop()
    }
    return exitCode.clean
  },
}
