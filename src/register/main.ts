import { OptionError } from '../errors.ts'
import type { Lifeguard } from '../lifeguard.ts'
import { register } from './register.ts'

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
    return register(process.env)
  } catch (error) {
    if (!(error instanceof OptionError)) throw error
    // An application must not run with other settings than the given ones.
    process.stderr.write(`pg-lifeguard: ${error.message}\n`)
    process.exit(1)
  }
}
