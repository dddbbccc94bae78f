import type { Finding } from '../core/findings/finding.ts'
import { ignoring } from '../core/findings/ignore.ts'
import { readOptions } from '../core/options/read.ts'
import type { OptionTable } from '../core/options/rows.ts'
import { settle } from '../core/time/settle.ts'
import type { Lifeguard } from '../lifeguard.ts'
import { type BaselineFile, openBaseline } from './baseline.ts'
import { LeakCheckError, type LeakError, leakError } from './leak-error.ts'
import { blindnessOf, inspectorFor } from './subject.ts'
import { standaloneClients } from './unended-clients.ts'
import { type UnendedPools, unendedError, watchForHang } from './unended-pools.ts'
import { type VerifyOptions, verifyRows } from './verify-options.ts'

/** The options of `leakCheck`. */
export interface LeakCheckOptions extends VerifyOptions {
  /** A file of known leaks, relative to the working directory. New leaks fail, and so do listed ones that are gone. */
  readonly baseline?: string
  /** Called with the leaks that fail a test or a file, for additional reports. */
  readonly onLeak?: (leaks: readonly Finding[]) => void
  /**
   * The reaction to pools, and clients under `watchClients`, that are still open when all tests are over: `tell`
   * (default) prints them on stderr if they keep the process from exiting, `fail` fails the test file, `ignore` does
   * nothing.
   */
  readonly unendedPools?: UnendedPools
}

export const leakCheckOptions = {
  whole: 'leakCheck(lifeguard, options)',
  prefix: '',
  rows: {
    ...verifyRows,
    baseline: { kind: 'string', expected: 'must be a path' },
    onLeak: { kind: 'function' },
    unendedPools: { kind: 'choice', values: ['tell', 'fail', 'ignore'], default: 'tell' },
  },
} as const satisfies OptionTable<LeakCheckOptions>

/** The differences between runners. */
export interface RunnerTraits {
  /** The name of the check in messages. */
  readonly name: string
  /** The runner shows the source at the top of an error's stack. */
  readonly showsFrames: boolean
  /** The runner waits for its process to exit by itself: an open pool makes it hang. */
  readonly waitsForExit: boolean
}

/** One attempt at one test. */
export interface CheckedTest {
  /** Calls a part of the test, such as a hook or its body, in its scope. */
  run<Result>(work: () => Result): Result
  /**
   * Ends the test, after its hooks. Returns the error that it fails with, if it has leaks and has not failed already.
   * Its sessions are taken back in any case.
   */
  finish(verdict: 'passed' | 'failed'): Promise<Error | undefined>
}

/** The leak check of a runner: a scope for each test, and the rest at the end of a file. */
export interface LeakCheck {
  /** `file` is an absolute path, if the runner knows it. */
  begin(test: { readonly name: string; readonly file?: string | undefined }): CheckedTest
  /** Ends a file, after its hooks. Returns the error that the file fails with. */
  finishFile(): Promise<Error | undefined>
}

/** @throws LeakCheckError, OptionError */
export function createLeakCheck(
  lifeguard: Lifeguard,
  options: LeakCheckOptions,
  traits: RunnerTraits,
): LeakCheck {
  const inspector = inspectorFor(`leakCheck(lifeguard) of ${traits.name}`, lifeguard)
  const {
    ignore,
    settleMillis,
    onLeak,
    unendedPools,
    baseline: path,
  } = readOptions(leakCheckOptions, options)
  const isIgnored = ignoring(ignore)
  const baseline: BaselineFile | undefined = path === undefined ? undefined : openBaseline(path)
  inspector.enforceCleanUp()

  function failure(leaks: readonly Finding[]): LeakError {
    onLeak?.(leaks)
    return leakError(leaks, { framesByRunner: traits.showsFrames })
  }

  function begin({ name, file }: { name: string; file?: string | undefined }): CheckedTest {
    const inspection = inspector.openScope({ kind: 'test', name })
    let ran = false
    return {
      run(work) {
        ran = true
        return inspection.run(work)
      },
      async finish(verdict) {
        inspection.end(verdict)
        await settle(inspection.pending, settleMillis)
        const leaks = await inspection.conclude(isIgnored)
        if (verdict === 'failed') return undefined
        if (!ran) return new LeakCheckError(outOfReach(traits))
        const result = baseline === undefined ? { leaks } : baseline.compare({ name, file }, leaks)
        if (result.leaks.length > 0) return failure(result.leaks)
        return result.outdated === undefined ? undefined : new LeakCheckError(result.outdated)
      },
    }
  }

  async function finishFile(): Promise<Error | undefined> {
    const blindness = blindnessOf(inspector)
    if (blindness !== undefined) return new LeakCheckError(blindness)
    const inspection = inspector.everything()
    await settle(inspection.pending, settleMillis)
    const leaks = await inspection.conclude(isIgnored)
    if (leaks.length > 0) return failure(leaks)
    if (unendedPools === 'fail') {
      await settle(() => standaloneClients().some(({ ending }) => ending), settleMillis)
      return unendedError(inspector)
    }
    if (unendedPools === 'tell' && traits.waitsForExit) watchForHang(inspector)
    return undefined
  }

  return { begin, finishFile }
}

function outOfReach({ name }: RunnerTraits): string {
  return `the test ran outside the leak check, which could not see it: pg-lifeguard does not support this version of ${name}`
}
