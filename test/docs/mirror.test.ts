import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import ts from 'typescript'
import { describe, expect, it } from 'vitest'
import { root } from './page.ts'

/** Files of `src/` that have no test of their own yet. Only to be shortened. */
const withoutTest: readonly string[] = [
  'src/cli/check/forest.ts',
  'src/cli/check/report.ts',
  'src/cli/check/survey-text.ts',
  'src/cli/check/survey.ts',
  'src/cli/check/text.ts',
  'src/cli/command.ts',
  'src/cli/commands.ts',
  'src/cli/common-options.ts',
  'src/cli/exit-code.ts',
  'src/cli/option-values.ts',
  'src/cli/origins/asked-origins.ts',
  'src/cli/origins/origin-options.ts',
  'src/cli/origins/patient-origins.ts',
  'src/cli/origins/pgbouncer-origins.ts',
  'src/cli/origins/session-origin.ts',
  'src/cli/program.ts',
  'src/cli/report/alike.ts',
  'src/cli/report/cure-text.ts',
  'src/cli/report/session-report.ts',
  'src/cli/report/session-text.ts',
  'src/cli/report/signal-text.ts',
  'src/cli/report/text-options.ts',
  'src/cli/self.ts',
  'src/cli/suggestion.ts',
  'src/cli/terminate/ending.ts',
  'src/cli/terminate/options.ts',
  'src/cli/terminate/plan.ts',
  'src/cli/terminate/text.ts',
  'src/cli/version.ts',
  'src/cli/watch/concerns.ts',
  'src/cli/watch/text.ts',
  'src/client/cancel.ts',
  'src/hosts/watchable.ts',
  'src/postgres/queries/activity.ts',
  'src/postgres/queries/advisory.ts',
  'src/postgres/queries/indexes.ts',
  'src/postgres/queries/names.ts',
  'src/postgres/queries/server.ts',
  'src/postgres/queries/settings.ts',
  'src/postgres/queries/signal.ts',
  'src/postgres/queries/slots.ts',
  'src/postgres/slots.ts',
  'src/reporters/finding-text.ts',
  'src/rules/second-client.ts',
  'src/service/ask-service.ts',
  'src/service/limited-body.ts',
  'src/service/service-look.ts',
  'src/service/service-verdict.ts',
]

/** Tests that are named after no file of `src/` yet. Only to be shortened. */
const withoutSource: readonly string[] = [
  'test/otel/dashboard.test.ts',
  'test/otel/side-by-side.test.ts',
  'test/reporters/console-output.test.ts',
  'test/reporters/finding-schema.test.ts',
  'test/reporters/winston.test.ts',
]

/** Folders of `test/` that are about no single file. */
const elsewhere = ['all', 'ci', 'compatibility', 'contracts', 'docs', 'package', 'randomised', 'support']

const sources = filesIn('src').filter((file) => hasCode(file) && !file.endsWith('/main.ts'))
const tests = filesIn('test').filter(
  (file) => file.endsWith('.test.ts') && !elsewhere.includes(file.split('/')[1] ?? ''),
)

describe('the tree of test/', () => {
  it('has a test, or several, for each file of src/ that does something', () => {
    const tested = new Set(tests.map(sourceOf))
    expect(sources.filter((file) => !tested.has(file) && !withoutTest.includes(file))).toEqual([])
  })

  it('has no test that belongs to no file of src/', () => {
    const strays = tests.filter((file) => !existsSync(join(root, sourceOf(file))))
    expect(strays.filter((file) => !withoutSource.includes(file))).toEqual([])
  })
})

/** `test/a/b.test.ts` and `test/a/b.aspect.test.ts` are about `src/a/b.ts`. */
function sourceOf(test: string): string {
  const [, folder = '', name = ''] = /^test\/(.*?)([^/.]+)\.(?:[^/]+\.)?test\.ts$/.exec(test) ?? []
  return `src/${folder}${name}.ts`
}

/** Declarations of types, imports, and exports of what other files have, leave nothing to run. */
function hasCode(file: string): boolean {
  const { statements } = ts.createSourceFile(
    file,
    readFileSync(join(root, file), 'utf8'),
    ts.ScriptTarget.Latest,
  )
  return statements.some(
    (statement) =>
      !ts.isInterfaceDeclaration(statement) &&
      !ts.isTypeAliasDeclaration(statement) &&
      !ts.isImportDeclaration(statement) &&
      !ts.isExportDeclaration(statement) &&
      !isAmbient(statement),
  )
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
