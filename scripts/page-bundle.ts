/**
 * Bundles the client of the live page into one module of strings, `src/page/serve/bundle.ts`, which is not in the
 * repository: the page is one document without files beside it, and only its entry point loads it.
 */
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { build } from 'esbuild'

const root = join(import.meta.dirname, '..')
const target = join(root, 'src/page/serve/bundle.ts')

/** Writes the module if its content has changed. */
export async function bundlePage(): Promise<void> {
  const [script, style] = await Promise.all([bundle('main.tsx'), bundle('style.css')])
  // The document quotes both as they are.
  if (/<\/(?:script|style)/i.test(script) || /<\/(?:script|style)/i.test(style)) {
    throw new Error('the bundle of the page contains a closing tag')
  }
  const text = [
    // Typed, because the declarations would repeat what is not.
    '// Written by scripts/page-bundle.ts from page/.',
    `export const script: string = ${JSON.stringify(script)}`,
    `export const style: string = ${JSON.stringify(style)}`,
    '',
  ].join('\n')
  if (!existsSync(target) || readFileSync(target, 'utf8') !== text) writeFileSync(target, text)
}

async function bundle(entry: string): Promise<string> {
  const { outputFiles } = await build({
    entryPoints: [join(root, 'page', entry)],
    absWorkingDir: root,
    bundle: true,
    minify: true,
    write: false,
    format: 'iife',
    target: ['es2022', 'chrome111', 'firefox113', 'safari16.4'],
    jsx: 'automatic',
    jsxImportSource: 'preact',
    legalComments: 'none',
    logLevel: 'error',
    charset: 'utf8',
  })
  return outputFiles[0]?.text.trim() ?? ''
}
