import { setTimeout as pause } from 'node:timers/promises'
import { ignoring } from '../core/findings/ignore.ts'
import { rejectUnknown, requireObject } from '../core/option-check.ts'
import { OptionError } from '../errors.ts'
import { askService, serviceUrl } from '../service/ask-service.ts'
import { verdictOfService } from '../service/service-verdict.ts'
import { LeakCheckError, leakError } from './leak-error.ts'
import { checkedSettleMillis, type VerifyOptions } from './subject.ts'

export interface VerifyServiceOptions extends VerifyOptions {
  /** The token that the service gave its `lifeguardHandler`; needed from another machine. */
  readonly token?: string
  /** Only what was checked out or found in so many milliseconds before the call. Default: all that the service knows. */
  readonly withinMillis?: number
}

/**
 * Verifies after a run of end-to-end tests that a service has left nothing behind. `url` is where its `lifeguardHandler`
 * is mounted. Waits for what is on its way. The service is only asked: nothing is taken back.
 *
 * @throws LeakError that names kind, line and likely cause; LeakCheckError if the service's lifeguard could not see
 * anything; ConnectionError if there is no answer of a lifeguard; OptionError
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
  requireObject('verifyService(url, options)', options)
  rejectUnknown('', options, ['token', 'withinMillis', 'ignore', 'settleMillis'])
  const { token, withinMillis } = options
  if (token !== undefined && (typeof token !== 'string' || token.trim() === '')) {
    throw new OptionError('token', 'must be a text that is not empty', typeof token)
  }
  if (withinMillis !== undefined && !(typeof withinMillis === 'number' && withinMillis > 0)) {
    throw new OptionError('withinMillis', 'must be a positive number of milliseconds', withinMillis)
  }
  const question = {
    isIgnored: ignoring(options.ignore),
    settleMillis: checkedSettleMillis(options.settleMillis),
    withinMillis,
    pause,
  }
  const service = await askService(base, { token, tokenName: 'the option token' })
  const { leaks, blindness } = await verdictOfService(service, question)
  if (leaks.length > 0) throw leakError(leaks, { framesByRunner: false })
  if (blindness !== undefined) throw new LeakCheckError(`${base}: ${blindness}`)
}
