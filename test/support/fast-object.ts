import { setFlagsFromString } from 'node:v8'

// Only a function that is parsed while the flag is set may use V8's own syntax.
setFlagsFromString('--allow-natives-syntax')
const hasFastProperties = new Function('object', 'return %HasFastProperties(object)') as (
  object: object,
) => boolean
setFlagsFromString('--no-allow-natives-syntax')

/** Whether V8 finds the object's properties by its shape. The others, it has to search for. */
export function isFast(object: object): boolean {
  return hasFastProperties(object)
}
