import { OptionError } from '../errors.ts'
import type { Lifeguard } from '../lifeguard.ts'
import type * as guard from './guard.ts'
import { type LateParts, register } from './register.ts'
import type * as variables from './variables.ts'

// This entry point exists only as a CommonJS module, so that it can load the rest of the package on demand.
const late: LateParts = {
  variables: () => (require('./variables.js') as typeof variables).readVariables(process.env),
  guard: () => require('./guard.js') as typeof guard,
}

/**
 * The lifeguard that watches the pools of this process.
 *
 * @example
 * import { getLifeguard } from 'pg-lifeguard/register'
 *
 * console.log(getLifeguard().snapshot())
 */
export const getLifeguard: () => Lifeguard = start()

function start(): () => Lifeguard {
  try {
    return register(process.env, late)
  } catch (error) {
    if (!(error instanceof OptionError)) throw error
    // An application must not run with other settings than the given ones.
    process.stderr.write(`pg-lifeguard: ${error.message}\n`)
    process.exit(1)
  }
}
