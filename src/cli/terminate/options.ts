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

/** The values of {@link terminateOptions}. */
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
    description: 'all that are idle in a transaction for so long',
    parse: parseDuration,
  },
  {
    flags: '--blocking <pid>',
    description: 'the roots that block this session: those who wait for nobody themselves',
    parse: parsePid,
  },
  spareOption,
  { flags: '--yes', description: 'do not ask; needed where there is no terminal' },
  { flags: '--dry-run', description: 'only show what it would end' },
  {
    flags: '--cancel',
    description: 'cancel the statement first, and end the session only if it still blocks',
  },
  {
    flags: '--wait <duration>',
    description: 'how long to wait until a session is gone',
    parse: parseTimeout,
    default: '5s',
  },
  ...connectionOptions,
  ...originOptions,
  ...outputOptions,
]
