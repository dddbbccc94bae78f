import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import ts from 'typescript'
import { describe, expect, it } from 'vitest'
import { root } from './page.ts'

/** Folders of `test/` that are about no single file. */
const elsewhere = [
  'all',
  'page-client',
  'ci',
  'compatibility',
  'contracts',
  'docs',
  'package',
  'randomised',
  'support',
]

const sources = filesIn('src').filter((file) => hasCode(file) && !file.endsWith('/main.ts'))
const tests = filesIn('test').filter(
  (file) => file.endsWith('.test.ts') && !elsewhere.includes(file.split('/')[1] ?? ''),
)

describe('the tree of test/', () => {
  it('has a test, or several, for each file of src/ that does something', () => {
    const elaborated = filesIn('test/all').map((file) => file.replace(/^test\/all\/(libraries\/)?/, 'test/'))
    const tested = new Set([...tests, ...elaborated].map(sourceOf))
    expect(sources.filter((file) => !tested.has(file))).toEqual([])
  })

  it('has no test that belongs to no file of src/', () => {
    expect(tests.filter((file) => !existsSync(join(root, sourceOf(file))))).toEqual([])
  })
})

/** `test/a/b.test.ts` and `test/a/b.aspect.test.ts` are about `src/a/b.ts`. */
function sourceOf(test: string): string {
  const [, folder = '', name = ''] = /^test\/(.*?)([^/.]+)\.(?:[^/]+\.)?test\.ts$/.exec(test) ?? []
  return `src/${folder}${name}.ts`
}

/** Types, imports, what other files export, and constants such as the text of a query leave nothing to run. */
function hasCode(file: string): boolean {
  const text = readFileSync(join(root, file), 'utf8')
  const { statements } = ts.createSourceFile(file, text, ts.ScriptTarget.Latest)
  return statements.some((statement) => {
    if (ts.isImportDeclaration(statement) || ts.isExportDeclaration(statement)) return false
    if (ts.isInterfaceDeclaration(statement) || ts.isTypeAliasDeclaration(statement)) return false
    return !isAmbient(statement) && !(ts.isVariableStatement(statement) && isData(statement))
  })
}

/** Calls nothing, and can be called by nobody. */
function isData(node: ts.Node): boolean {
  if (ts.isFunctionLike(node) || ts.isCallExpression(node) || ts.isNewExpression(node)) return false
  return ts.forEachChild(node, (child) => (isData(child) ? undefined : true)) !== true
}

function isAmbient(statement: ts.Statement): boolean {
  const modifiers = ts.canHaveModifiers(statement) ? ts.getModifiers(statement) : undefined
  return modifiers?.some(({ kind }) => kind === ts.SyntaxKind.DeclareKeyword) ?? false
}

function filesIn(folder: string): string[] {
  return readdirSync(join(root, folder), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && entry.name.endsWith('.ts'))
    .map((entry) => join(entry.parentPath, entry.name).slice(root.length + 1))
    .filter((file) => !file.includes('/node_modules/'))
    .toSorted()
}
