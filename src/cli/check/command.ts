import { setTimeout as pause } from 'node:timers/promises'
import {
  blockingTree,
  type ControlConnection,
  databasePart,
  type ServerSnapshot,
  safetyNets,
  serverSnapshot,
} from '../../postgres/index.ts'
import { type CheckReport, checkReport } from '../../postgres/report/server-report.ts'
import type { CommandSpec } from '../command.ts'
import { type CommonOptions, connect, connectionOptions, outputOptions } from '../common-options.ts'
import { type ExitCode, exitCode } from '../exit-code.ts'
import { parseDuration } from '../option-values.ts'
import { askForOrigins } from '../origins/asked-origins.ts'
import { originOptions } from '../origins/origin-options.ts'
import { textOptions } from '../report/text-options.ts'
import { survey } from './survey.ts'
import { checkText, type SurveyedReport } from './text.ts'

interface CheckOptions extends CommonOptions {
  readonly minIdle: number
  readonly minWait: number
}

type Looks = readonly [ServerSnapshot] | readonly [ServerSnapshot, ServerSnapshot]

/** The time limit for an application or a pooler to answer, after the look at the server. */
const patienceMillis = 2_000

/** The pause before the second look at a cycle: the server itself ends most deadlocks after a second. */
const secondLookMillis = 500

export const check: CommandSpec = {
  name: 'check',
  description:
    'Shows sessions that block others and all that wait behind them, sessions that are idle in a transaction, and which safety nets of the server are off. Changes nothing.',
  options: [
    {
      flags: '--min-idle <duration>',
      description: 'report sessions that are idle in a transaction for at least this time',
      parse: parseDuration,
      default: '30s',
    },
    {
      flags: '--min-wait <duration>',
      description: 'ignore shorter waits, for a monitor on a busy server',
      parse: parseDuration,
      default: '0',
    },
    ...connectionOptions,
    ...originOptions,
    ...outputOptions,
  ],
  examples: [
    ['pg-lifeguard check', 'the server in DATABASE_URL or PGHOST'],
    [
      'pg-lifeguard check --database shop --min-idle 5m',
      'one database, and only sessions idle for five minutes',
    ],
    ['pg-lifeguard check --app http://127.0.0.1:3000/lifeguard', 'with the lines of code of an application'],
    ['pg-lifeguard check --json | jq .roots', 'for programs'],
  ],
  async run(invocation) {
    const { minIdle, minWait, queryText, json, database } = invocation.options as unknown as CheckOptions
    const { terminal } = invocation
    using asked = askForOrigins(invocation)
    await using control = await connect(invocation)
    const looks = await look(control)
    const all = looks[1] ?? looks[0]
    const parts = partOf(looks, database)
    const nets = await safetyNets(control)
    const options = { queryText, originOf: await asked.within(patienceMillis, all) }
    const report: SurveyedReport = {
      ...checkReport(parts, nets, { ...options, minIdleMillis: minIdle, minWaitMillis: minWait }),
      ...(await survey(control, { all, part: parts[1] ?? parts[0] }, database, options)),
    }
    terminal.print(
      json === true ? JSON.stringify(report, null, 2) : checkText(report, textOptions(invocation)),
    )
    return exitCodeOf(report)
  },
}

export function exitCodeOf({ verdict }: CheckReport): ExitCode {
  if (verdict === 'found') return exitCode.found
  return verdict === 'clean' ? exitCode.clean : exitCode.notAllVisible
}

/** One look, or two if there is a cycle, which may be a coincidence in one. */
async function look(control: ControlConnection): Promise<Looks> {
  const first = await serverSnapshot(control)
  if (blockingTree(first).cycles.length === 0) return [first]
  await pause(secondLookMillis)
  return [first, await serverSnapshot(control)]
}

function partOf([first, second]: Looks, database: string | undefined): Looks {
  if (database === undefined) return second === undefined ? [first] : [first, second]
  const part = databasePart(first, database)
  return second === undefined ? [part] : [part, databasePart(second, database)]
}
