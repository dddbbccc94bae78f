import { existsSync } from 'node:fs'
import { homedir } from 'node:os'
import { join } from 'node:path'
import { OptionError } from '../../errors.ts'
import { readOptionFile } from './option-file.ts'

/** Connection parameters with libpq's names: `host`, `dbname`, `sslmode`, ... */
export type ConnectionParameters = Readonly<Record<string, string | undefined>>

/** The section `[name]` of `~/.pg_service.conf` or `PGSERVICEFILE`. */
export function readService(name: string, env: NodeJS.ProcessEnv): ConnectionParameters {
  const files = [
    env.PGSERVICEFILE ?? join(homedir(), '.pg_service.conf'),
    ...(env.PGSYSCONFDIR === undefined ? [] : [join(env.PGSYSCONFDIR, 'pg_service.conf')]),
  ]
  for (const file of files) {
    if (!existsSync(file)) continue
    const section = sectionOf(readOptionFile('service file', file), name)
    if (section !== undefined) return section
  }
  throw new OptionError('service', `must be a section of ${files.join(' or ')}`, name)
}

function sectionOf(text: string, name: string): ConnectionParameters | undefined {
  let found: Record<string, string> | undefined
  let isInside = false
  for (const line of text.split(/\r?\n/).map((one) => one.trim())) {
    if (line === '' || line.startsWith('#')) continue
    const heading = /^\[(.*)\]$/.exec(line)?.[1]
    if (heading !== undefined) {
      isInside = heading === name
      if (isInside) found ??= {}
    } else if (isInside && found !== undefined) {
      const at = line.indexOf('=')
      if (at > 0) found[line.slice(0, at).trim()] ??= line.slice(at + 1).trim()
    }
  }
  return found
}
