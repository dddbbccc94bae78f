import { OptionError } from '../errors.ts'
import type { Lifeguard } from '../lifeguard.ts'
import type * as guard from './guard.ts'
import { type LateParts, register } from './register.ts'
import type * as variables from './variables.ts'

// This entry point is a CommonJS module alone, so that it can load the rest of the package when a pool needs it.
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
    // An application must not run with other settings than it was given.
    process.stderr.write(`pg-lifeguard: ${error.message}\n`)
    process.exit(1)
  }
}
