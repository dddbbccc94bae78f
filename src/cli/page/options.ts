import { type OptionSpec, UsageError } from '../command.ts'
import {
  type CommonOptions,
  connectionOptions,
  outputOptions,
  type SpareOptions,
  spareOption,
} from '../common-options.ts'
import { parseCount, parseTimeout } from '../option-values.ts'
import { appUrl } from '../origins/app-origins.ts'
import { appTokenOption } from '../origins/origin-options.ts'

/** The values of the options of `page`. */
export interface PageCommandOptions extends CommonOptions, SpareOptions {
  readonly app?: readonly string[]
  readonly appToken?: string
  readonly port: number
  readonly open?: boolean
  readonly wait: number
}

export const pageOptions: readonly OptionSpec[] = [
  {
    flags: '--app <url>',
    description:
      'show the pools of this service, from its lifeguardHandler: http://127.0.0.1:3000/lifeguard; repeatable',
    isList: true,
    parse: appUrl,
  },
  appTokenOption,
  {
    flags: '--port <number>',
    description: 'the port of the page; 0: a free one',
    parse: parsePort,
    default: '0',
  },
  { flags: '--open', description: 'open the page in the browser' },
  {
    flags: '--wait <duration>',
    description: 'the time to wait for the end of a session',
    parse: parseTimeout,
    default: '5s',
  },
  spareOption,
  ...connectionOptions,
  ...outputOptions.filter(({ flags }) => !flags.startsWith('--json')),
]

function parsePort(text: string): number {
  const port = parseCount(text)
  if (port > 65_535) throw new UsageError('It must be a port, from 0 to 65535.')
  return port
}
