import { createLifeguard, type LifeguardOptions, OptionError } from '../src/index.ts'

/** The error that options are refused with when they come from JavaScript, from JSON or from a wrong guess. */
export function failure(options: unknown): OptionError {
  try {
    createLifeguard(options as LifeguardOptions)
  } catch (error) {
    if (error instanceof OptionError) return error
    throw error
  }
  throw new Error(`accepted ${JSON.stringify(options)}`)
}
