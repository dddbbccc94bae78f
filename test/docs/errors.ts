import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import * as main from '../../src/index.ts'
import { LifeguardError } from '../../src/index.ts'
import * as postgres from '../../src/postgres/index.ts'
import * as testing from '../../src/testing/verify.ts'
import { root } from './page.ts'

/** All errors that the package exports. */
export const errorClasses: readonly (typeof LifeguardError)[] = [
  ...new Set([main, postgres, testing].flatMap((exported) => Object.values(exported)).filter(isErrorClass)),
]

const inSource = readdirSync(join(root, 'src'), { recursive: true, encoding: 'utf8' })
  .filter((file) => file.endsWith('.ts'))
  .flatMap(
    (file) => readFileSync(join(root, 'src', file), 'utf8').match(/class \w+ extends LifeguardError/g) ?? [],
  )
if (errorClasses.length !== inSource.length) {
  throw new Error(`${errorClasses.length} errors are exported, of ${inSource.length} in src/`)
}

function isErrorClass(value: unknown): value is typeof LifeguardError {
  return typeof value === 'function' && value.prototype instanceof LifeguardError
}
