import Module from 'node:module'

/**
 * Whether this is neither a worker thread nor a worker of `node:cluster`. The modules that know for certain are loaded only
 * where it may be one, because together they take as long as the rest of `register`.
 */
export function isFirstProcess(): boolean {
  return !isThread() && !isClusterWorker()
}

/** In a worker thread, functions that change the whole process are disabled, and marked. */
function isThread(): boolean {
  return (process.chdir as { readonly disabled?: boolean }).disabled === true
}

function isClusterWorker(): boolean {
  if (process.connected !== true) return false
  const { isWorker } = Module.createRequire(`${process.cwd()}/`)('node:cluster') as {
    readonly isWorker: boolean
  }
  return isWorker
}
