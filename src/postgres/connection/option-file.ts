import { readFileSync } from 'node:fs'
import { OptionError } from '../../errors.ts'

/** @throws OptionError if it cannot be read */
export function readOptionFile(option: string, path: string): string {
  try {
    return readFileSync(path, 'utf8')
  } catch (error) {
    const reason = error instanceof Error && 'code' in error ? String(error.code) : 'unknown reason'
    throw new OptionError(option, `must be a file that can be read (${reason})`, path)
  }
}
