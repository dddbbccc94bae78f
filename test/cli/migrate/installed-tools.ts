import { execFileSync } from 'node:child_process'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll } from 'vitest'

/** Whether a tool that npm does not bring is there. Says loudly that its tests are skipped if it is not. */
export function isInstalled(command: string, args: readonly string[] = ['--version']): boolean {
  try {
    execFileSync(command, args, { stdio: 'ignore' })
    return true
  } catch {
    process.stderr.write(
      `\n*** SKIPPED: the tests of migrate with ${command}, because it is not installed on this machine ***\n\n`,
    )
    return false
  }
}

/** A folder for the test file that calls it, gone after its last test. */
export function useFolder(): { readonly path: string } {
  let path = ''
  beforeAll(async () => {
    path = await mkdtemp(join(tmpdir(), 'lifeguard-migrate-'))
  })
  afterAll(() => rm(path, { recursive: true, force: true }))
  return {
    get path() {
      return path
    },
  }
}
