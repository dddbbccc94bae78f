import { ignoring } from '../core/findings/ignore.ts'
import { readOptions } from '../core/options/read.ts'
import { settle } from '../core/time/settle.ts'
import { OptionError } from '../errors.ts'
import type { Lifeguard } from '../lifeguard.ts'
import { LeakCheckError, leakError } from './leak-error.ts'
import { blindnessOf, inspectorFor } from './subject.ts'
import { type VerifyOptions, verifyNoneOptions } from './verify-options.ts'

export type { IgnoreRule, Pattern } from '../core/findings/ignore.ts'
export { githubAnnotations } from '../reporters/github.ts'
export { junitReport } from '../reporters/junit.ts'
export { markdownSummary } from '../reporters/markdown.ts'
export { type SarifLog, sarifLog } from '../reporters/sarif.ts'
export { LeakCheckError, LeakError } from './leak-error.ts'
export {
  type ClientWatch,
  type PgModuleLike,
  type UnendedClient,
  watchClients,
} from './unended-clients.ts'
export type { VerifyOptions } from './verify-options.ts'
export { type VerifyServiceOptions, verifyService } from './verify-service.ts'

/**
 * Verifies that there are no leaks: no session is checked out, and none was found. Waits for sessions that may still be
 * released, and takes back the rest.
 *
 * @throws LeakError with kind, line and likely cause; LeakCheckError if the lifeguard cannot see the pools; OptionError
 *
 * @example
 * import { verifyNone } from 'pg-lifeguard/testing'
 *
 * await nightly()
 * await verifyNone(lifeguard)
 */
export async function verifyNone(lifeguard: Lifeguard, options: VerifyOptions = {}): Promise<void> {
  const inspector = inspectorFor('verifyNone(lifeguard)', lifeguard)
  const { ignore, settleMillis } = readOptions(verifyNoneOptions, options)
  const isIgnored = ignoring(ignore)
  const blindness = blindnessOf(inspector)
  if (blindness !== undefined) throw new LeakCheckError(blindness)
  const inspection = inspector.everything()
  await settle(inspection.pending, settleMillis)
  const leaks = await inspection.conclude(isIgnored)
  if (leaks.length > 0) throw leakError(leaks, { framesByRunner: false })
}

/**
 * Allows the current test to leak. Its sessions are still taken back.
 *
 * @throws LeakCheckError outside a test
 *
 * @example
 * it('survives a client that is never released', async () => {
 *   allowLeaks(lifeguard, 'the leak is what this test is about')
 *   await pool.connect()
 * })
 */
export function allowLeaks(lifeguard: Lifeguard, reason: string): void {
  const inspector = inspectorFor('allowLeaks(lifeguard, reason)', lifeguard)
  if (typeof reason !== 'string' || reason.trim() === '') {
    throw new OptionError('allowLeaks(lifeguard, reason)', 'must be a string that says why', reason)
  }
  if (!inspector.allow()) {
    throw new LeakCheckError('allowLeaks was called outside a test that a leak check watches')
  }
}
