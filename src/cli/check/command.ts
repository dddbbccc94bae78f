import { setTimeout as pause } from 'node:timers/promises'
import {
  blockingTree,
  type ControlConnection,
  databasePart,
  type ServerSnapshot,
  safetyNets,
  serverSnapshot,
} from '../../postgres/index.ts'
import type { CommandSpec } from '../command.ts'
import { type CommonOptions, connect, connectionOptions, outputOptions } from '../common-options.ts'
import { parseDuration } from '../option-values.ts'
import { askForOrigins } from '../origins/asked-origins.ts'
import { originOptions } from '../origins/origin-options.ts'
import { textOptions } from '../report/text-options.ts'
import { checkReport, exitCodeOf } from './report.ts'
import { survey } from './survey.ts'
import { checkText, type SurveyedReport } from './text.ts'

interface CheckOptions extends CommonOptions {
  readonly minIdle: number
  readonly minWait: number
}

type Looks = readonly [ServerSnapshot] | readonly [ServerSnapshot, ServerSnapshot]

/** How long an application or a pooler may take to answer, once the server has been looked at. */
const patienceMillis = 2_000

/** A cycle is looked at again after so long: the server itself ends most of them after a second. */
const secondLookMillis = 500

export const check: CommandSpec = {
  name: 'check',
  description:
    'Shows sessions that block others, with everyone behind them, sessions that are idle in a transaction, and which safety nets of the server are off. Only looks.',
  options: [
    {
      flags: '--min-idle <duration>',
      description: 'report sessions that are idle in a transaction for so long',
      parse: parseDuration,
      default: '30s',
    },
    {
      flags: '--min-wait <duration>',
      description: 'leave out waits that are shorter, for a monitor on a busy server',
      parse: parseDuration,
      default: '0',
    },
    ...connectionOptions,
    ...originOptions,
    ...outputOptions,
  ],
  examples: [
    ['pg-lifeguard check', 'the server that DATABASE_URL or PGHOST names'],
    [
      'pg-lifeguard check --database shop --min-idle 5m',
      'one database, and only what idles for five minutes',
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

/** One look, or two if there is a cycle, because one can be chance. */
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
