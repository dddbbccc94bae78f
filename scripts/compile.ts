/**
 * Compiles src/ into dist/: its JavaScript by `bundle`, its declarations by the compiler, once for either kind of modules.
 * The declarations import each other as `.js` (tsc rewrites `.ts` specifiers in JavaScript only, and not every reader of
 * declarations resolves `.ts`), and files of modules that no longer exist are removed, without emptying dist/ under a
 * process that is reading it.
 */
import { readdirSync, rmSync } from 'node:fs'
import { join, relative } from 'node:path'
import ts from 'typescript'
import { bundle } from './bundle.ts'

const root = join(import.meta.dirname, '..')
const sourceExtension = /(?<=^\.{1,2}\/.*)\.ts$/
const importers = new Set<ts.SyntaxKind>([
  ts.SyntaxKind.ImportDeclaration,
  ts.SyntaxKind.ExportDeclaration,
  ts.SyntaxKind.ModuleDeclaration,
  ts.SyntaxKind.ImportType,
])

/** Returns whether it compiles; reports what does not. */
export async function compile(): Promise<boolean> {
  const config = ts.getParsedCommandLineOfConfigFile(join(root, 'tsconfig.build.json'), undefined, {
    ...ts.sys,
    onUnRecoverableConfigFileDiagnostic: (diagnostic) => report([diagnostic]),
  })
  if (!config) return false

  const program = ts.createProgram({
    rootNames: config.fileNames,
    options: config.options,
    configFileParsingDiagnostics: config.errors,
  })
  const emitted = new Set<string>()
  const write = (path: string, text: string) => {
    const file = join(root, path)
    if (ts.sys.readFile(file) !== text) ts.sys.writeFile(file, text)
    emitted.add(path)
  }
  const emit: ts.WriteFileCallback = (file, text) => {
    const path = relative(join(root, 'dist'), file)
    // Nothing can import the command line.
    if (/^cli[/\\]/.test(path)) return
    // Which kind of module a declaration describes is a matter of the folder that it is in.
    for (const folder of ['dist', 'dist/cjs']) write(join(folder, path), text)
  }
  const { diagnostics } = program.emit(undefined, emit, undefined, false, {
    afterDeclarations: [importDeclarationsAsJavaScript],
  })
  const problems = ts.sortAndDeduplicateDiagnostics([...ts.getPreEmitDiagnostics(program), ...diagnostics])
  report(problems)
  if (problems.length > 0) return false

  for (const [path, text] of await bundle()) write(join('dist', path), text)
  for (const stale of filesIn('dist').filter((path) => !emitted.has(path))) {
    rmSync(join(root, stale), { force: true })
  }
  return true
}

function importDeclarationsAsJavaScript(context: ts.TransformationContext) {
  const visitChildOf =
    (parent: ts.Node) =>
    (node: ts.Node): ts.Node => {
      if (ts.isStringLiteral(node) && importers.has(parent.kind) && sourceExtension.test(node.text)) {
        return context.factory.createStringLiteral(node.text.replace(sourceExtension, '.js'))
      }
      // The specifier of `import('./x.ts').X` sits in a literal type of its own: see through it.
      return ts.visitEachChild(node, visitChildOf(ts.isLiteralTypeNode(node) ? parent : node), context)
    }
  return <T extends ts.SourceFile | ts.Bundle>(file: T): T =>
    ts.visitEachChild(file, visitChildOf(file), context)
}

function filesIn(folder: string): string[] {
  return readdirSync(join(root, folder), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => relative(root, join(entry.parentPath, entry.name)))
}

function report(diagnostics: readonly ts.Diagnostic[]): void {
  if (diagnostics.length === 0) return
  const host = {
    getCanonicalFileName: (name: string) => name,
    getCurrentDirectory: () => root,
    getNewLine: () => '\n',
  }
  const format = process.stdout.isTTY ? ts.formatDiagnosticsWithColorAndContext : ts.formatDiagnostics
  process.stdout.write(format(diagnostics, host))
}
