import { setTimeout as pause } from 'node:timers/promises'
import type { FindingKind } from '../../core/findings/finding.ts'
import { type IgnoreRule, ignoring } from '../../core/findings/ignore.ts'
import { findingText } from '../../reporters/finding-text.ts'
import { askService } from '../../service/ask-service.ts'
import { type ServiceVerdict, verdictOfService } from '../../service/service-verdict.ts'
import { type CommandSpec, UsageError } from '../command.ts'
import { outputOptions } from '../common-options.ts'
import { exitCode } from '../exit-code.ts'
import { parseDuration, parseTimeout } from '../option-values.ts'
import { appUrl } from '../origins/app-origins.ts'
import { appTokenOption } from '../origins/origin-options.ts'
import type { Terminal } from '../terminal.ts'

interface VerifyOptions {
  readonly app?: string
  readonly appToken?: string
  readonly within?: number
  readonly settle: number
  readonly ignore?: readonly string[]
  readonly json?: boolean
}

const ruleParts = ['kind', 'origin', 'scope', 'reason'] as const

export const verify: CommandSpec = {
  name: 'verify',
  description:
    'Checks a guarded application for leaks after a test run: clients that are still checked out, and certain findings of its lifeguard. Needs no connection to the server, and changes nothing.',
  options: [
    {
      flags: '--app <url>',
      description: 'the lifeguardHandler of the application: http://127.0.0.1:3000/lifeguard',
    },
    appTokenOption,
    {
      flags: '--within <duration>',
      description:
        'only checkouts and findings within this time, for an application that was running before the tests',
      parse: parseDuration,
    },
    {
      flags: '--settle <duration>',
      description: 'the time to wait for clients that may still be released',
      parse: parseTimeout,
      default: '500ms',
    },
    {
      flags: '--ignore <rule...>',
      description:
        'ignore intended findings: kind=..., origin=..., scope=... or reason=..., with a part of the value; repeatable',
    },
    ...outputOptions.filter(({ flags }) => !flags.startsWith('--query-text')),
  ],
  examples: [
    ['pg-lifeguard verify --app http://127.0.0.1:3000/lifeguard', 'after the tests'],
    [
      'pg-lifeguard verify --app http://127.0.0.1:3000/lifeguard --within 10m --ignore origin=src/listen.ts',
      'only the last ten minutes, and without one file',
    ],
  ],
  notes: 'Run it after the last test. It asks one process; ask each of several processes by its own address.',
  exitCodes: `Exit codes:
  0  no leaks
  1  leaks
  2  invalid usage
  3  no answer, or not from a lifeguard
  4  its lifeguard cannot see everything, so a clean result is not certain`,
  async run({ options, env, terminal }) {
    const { app, appToken, within, settle, ignore, json } = options as unknown as VerifyOptions
    if (app === undefined)
      throw new UsageError('--app is required: the URL where lifeguardHandler is mounted.')
    if (within === 0) throw new UsageError('--within must be longer than 0.')
    const isIgnored = ignoring((ignore ?? []).map(readRule))
    const service = await askService(appUrl(app), {
      token: appToken ?? env.LIFEGUARD_TOKEN,
      tokenName: '--app-token',
    })
    const verdict = await verdictOfService(service, {
      isIgnored,
      settleMillis: settle,
      withinMillis: within,
      pause,
    })
    if (json === true) terminal.print(JSON.stringify({ app: service.url, ...verdict }, null, 2))
    else show(service.url, verdict, terminal)
    if (verdict.leaks.length > 0) return exitCode.found
    return verdict.blindness === undefined ? exitCode.clean : exitCode.notAllVisible
  },
}

/** @throws UsageError; `ignoring` throws OptionError for an unknown kind */
function readRule(text: string): IgnoreRule {
  const [, name, value] = /^(\w+)=(.+)$/s.exec(text) ?? []
  const part = ruleParts.find((known) => known === name)
  if (part === undefined || value === undefined) {
    throw new UsageError(`--ignore must be ${ruleParts.join('=..., ')}=..., got ${text}`)
  }
  return part === 'kind' ? { kind: value as FindingKind } : { [part]: value }
}

function show(url: string, { leaks, blindness }: ServiceVerdict, { print, warn, style, columns }: Terminal) {
  for (const leak of leaks) print(findingText(leak, { style, columns, frame: true }))
  if (leaks.length > 0) print(leaks.length === 1 ? `1 leak in ${url}` : `${leaks.length} leaks in ${url}`)
  if (blindness !== undefined) warn(`pg-lifeguard: ${url}: ${blindness}`)
  else if (leaks.length === 0) print(`no leaks in ${url}`)
}
