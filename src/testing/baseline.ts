import { readFileSync, renameSync, writeFileSync } from 'node:fs'
import { dirname, relative, resolve, sep } from 'node:path'
import type { Finding } from '../core/findings/finding.ts'
import { OptionError } from '../errors.ts'
import { placeOf } from '../reporters/place.ts'
import { withFileLock } from './file-lock.ts'
import { LeakCheckError } from './leak-error.ts'

/** A known leak, without a line number, which would change with every edit above it. */
export interface KnownLeak {
  /** `test/users.test.ts > users > finds one`, the file relative to the baseline. */
  readonly test: string
  readonly kind: string
  /** `src/users.ts findUser`, the file relative to the baseline. */
  readonly origin: string
}

export interface BaselineFile {
  /** Returns the new leaks, and the listed ones that no longer occur. In write mode it updates the file instead. */
  compare(
    test: { readonly name: string; readonly file?: string | undefined },
    leaks: readonly Finding[],
  ): { readonly leaks: readonly Finding[]; readonly outdated?: string }
}

/** `LIFEGUARD_BASELINE=write` writes the leaks that are found into the file. */
const variable = 'LIFEGUARD_BASELINE'

/** @throws OptionError, LeakCheckError if the file cannot be read */
export function openBaseline(path: string, env: NodeJS.ProcessEnv = process.env): BaselineFile {
  const mode = env[variable]
  if (mode !== undefined && mode !== '' && mode !== 'write') {
    throw new OptionError(variable, "must be 'write' or not be set", mode)
  }
  const file = resolve(path)
  const folder = dirname(file)
  // Read at once, so that a missing or invalid file is reported before the first test.
  const known = mode === 'write' ? [] : readKnown(file)

  function place(path: string): string {
    return relative(folder, path).split(sep).join('/')
  }

  function describe(test: string, finding: Finding): KnownLeak {
    const origin = placeOf(finding)
    const where = origin === undefined ? '' : `${place(origin.file)} ${origin.functionName ?? ''}`.trimEnd()
    return { test, kind: finding.kind, origin: where }
  }

  return {
    compare({ name, file: testFile }, leaks) {
      const test = testFile === undefined ? name : `${place(testFile)} > ${name}`
      const found = leaks.map((finding) => describe(test, finding))
      if (mode === 'write') {
        update(file, (all) => [...all.filter((leak) => leak.test !== test), ...found])
        return { leaks: [] }
      }
      const listed = known.filter((leak) => leak.test === test)
      const gone = listed.filter((leak) => !found.some((other) => isSame(leak, other)))
      return {
        leaks: leaks.filter((_finding, index) => !listed.some((leak) => isSame(leak, found[index]))),
        ...(gone.length === 0 ? {} : { outdated: outdatedMessage(path, gone) }),
      }
    },
  }
}

function outdatedMessage(path: string, gone: readonly KnownLeak[]): string {
  const lines = gone.map(({ kind, origin }) => `  ${kind} ${origin}`)
  return `${path} lists leaks of this test that no longer occur; remove them there, or run with ${variable}=write:\n${lines.join('\n')}`
}

function isSame(one: KnownLeak, other: KnownLeak | undefined): boolean {
  return one.test === other?.test && one.kind === other.kind && one.origin === other.origin
}

function readKnown(file: string): KnownLeak[] {
  let text: string
  try {
    text = readFileSync(file, 'utf8')
  } catch (error) {
    const { code } = error as { code?: unknown }
    throw new LeakCheckError(
      code === 'ENOENT'
        ? `the baseline ${file} does not exist: write it with ${variable}=write`
        : `the baseline ${file} cannot be read: ${(error as Error).message}`,
    )
  }
  return parse(file, text)
}

function parse(file: string, text: string): KnownLeak[] {
  const broken = (why: string) => new LeakCheckError(`the baseline ${file} is invalid: ${why}`)
  let parsed: unknown
  try {
    parsed = JSON.parse(text)
  } catch (error) {
    throw broken((error as Error).message)
  }
  const leaks: unknown = (parsed as { leaks?: unknown } | null)?.leaks
  if (!Array.isArray(leaks)) throw broken('it has no list "leaks"')
  for (const leak of leaks as Partial<Record<string, unknown>>[]) {
    for (const key of ['test', 'kind', 'origin']) {
      if (typeof leak?.[key] !== 'string') throw broken(`a leak has no string "${key}"`)
    }
  }
  return leaks
}

/** Updates the file under a lock: several processes may run tests, and each must keep the entries of the others. */
function update(file: string, change: (leaks: KnownLeak[]) => KnownLeak[]): void {
  withFileLock(`${file}.lock`, () => {
    let known: KnownLeak[] = []
    try {
      known = parse(file, readFileSync(file, 'utf8'))
    } catch (error) {
      if ((error as { code?: unknown }).code !== 'ENOENT') throw error
    }
    const leaks = change(known).sort((a, b) => order(a).localeCompare(order(b), 'en'))
    const text = `${JSON.stringify({ leaks: leaks.filter((leak, at) => !isSame(leak, leaks[at - 1])) }, null, 2)}\n`
    const next = `${file}.${process.pid}`
    writeFileSync(next, text)
    renameSync(next, file)
  })
}

function order({ test, kind, origin }: KnownLeak): string {
  return `${test}\n${kind}\n${origin}`
}
