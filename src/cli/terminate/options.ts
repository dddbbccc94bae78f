import type { OptionSpec } from '../command.ts'
import {
  type CommonOptions,
  connectionOptions,
  outputOptions,
  type SpareOptions,
  spareOption,
} from '../common-options.ts'
import { parseDuration, parsePid, parseTimeout } from '../option-values.ts'
import { originOptions } from '../origins/origin-options.ts'
import type { Selection } from './plan.ts'

/** The values of the options of `terminate`. */
export interface TerminateOptions extends CommonOptions, Selection, SpareOptions {
  readonly yes?: boolean
  readonly dryRun?: boolean
  readonly cancel?: boolean
  readonly wait: number
}

export const terminateOptions: readonly OptionSpec[] = [
  { flags: '--pid <pid>', description: 'this session', parse: parsePid },
  {
    flags: '--idle-in-transaction <duration>',
    description: 'all sessions that are idle in a transaction for at least this time',
    parse: parseDuration,
  },
  {
    flags: '--blocking <pid>',
    description: 'the root blockers of this session, which wait for nothing themselves',
    parse: parsePid,
  },
  spareOption,
  { flags: '--yes', description: 'do not ask; required without a terminal' },
  { flags: '--dry-run', description: 'only show the sessions that would be ended' },
  {
    flags: '--cancel',
    description: 'cancel the statement first, and end the session only if it still blocks',
  },
  {
    flags: '--wait <duration>',
    description: 'the time to wait for the end of a session',
    parse: parseTimeout,
    default: '5s',
  },
  ...connectionOptions,
  ...originOptions,
  ...outputOptions,
]
