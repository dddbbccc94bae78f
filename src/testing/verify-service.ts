import { setTimeout as pause } from 'node:timers/promises'
import { ignoring } from '../core/findings/ignore.ts'
import { readOptions } from '../core/options/read.ts'
import type { OptionTable } from '../core/options/rows.ts'
import { OptionError } from '../errors.ts'
import { askService, serviceUrl } from '../service/ask-service.ts'
import { verdictOfService } from '../service/service-verdict.ts'
import { LeakCheckError, leakError } from './leak-error.ts'
import { type VerifyOptions, verifyRows } from './verify-options.ts'

/** The options of {@link verifyService}. */
export interface VerifyServiceOptions extends VerifyOptions {
  /** The token of the service's `lifeguardHandler`. */
  readonly token?: string
  /** Considers only checkouts and findings in this time before the call. Default: all that the service keeps. */
  readonly withinMillis?: number
}

export const verifyServiceOptions = {
  whole: 'verifyService(url, options)',
  prefix: '',
  rows: {
    ...verifyRows,
    token: { kind: 'string', content: 'visible', secret: true },
    withinMillis: { kind: 'millis', most: Infinity, expected: 'must be a positive number of milliseconds' },
  },
} as const satisfies OptionTable<VerifyServiceOptions>

/**
 * Verifies after end-to-end tests that a service has no leaks. `url` is the address of its `lifeguardHandler`. Waits for
 * sessions that may still be released. It only reads from the service: nothing is taken back.
 *
 * @throws LeakError with kind, line and likely cause; LeakCheckError if the service's lifeguard cannot see its pools;
 * ConnectionError without an answer of a lifeguard; OptionError
 *
 * @example
 * import { verifyService } from 'pg-lifeguard/testing'
 *
 * await verifyService('http://127.0.0.1:3000/lifeguard')
 */
export async function verifyService(url: string | URL, options: VerifyServiceOptions = {}): Promise<void> {
  const base = serviceUrl(String(url))
  if (base === undefined) {
    throw new OptionError('verifyService(url)', 'must be a URL such as http://127.0.0.1:3000/lifeguard', url)
  }
  const { ignore, token, withinMillis, settleMillis } = readOptions(verifyServiceOptions, options)
  const question = { isIgnored: ignoring(ignore), settleMillis, withinMillis, pause }
  const service = await askService(base, { token, tokenName: 'the option token' })
  const { leaks, blindness } = await verdictOfService(service, question)
  if (leaks.length > 0) throw leakError(leaks, { framesByRunner: false })
  if (blindness !== undefined) throw new LeakCheckError(`${base}: ${blindness}`)
}
