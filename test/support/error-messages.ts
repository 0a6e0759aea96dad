import ts from 'typescript';
import { nodesOf, placeOf, type SourceFile } from './source-files.js';

/** Where the message stands among the arguments of a constructor. With any other error it is the first one. */
const PLACE_OF_MESSAGE: Readonly<Record<string, number>> = { IntegrationError: 1, RestProblem: 2 };

/** A piece of text that can be the end of a message. */
type Piece = ts.StringLiteral | ts.TemplateLiteralToken;

/**
 * The ends of the messages of errors that stand in the source. A message is followed through constants,
 * functions that return it and parameters that bring it. What only runs can tell, such as the message of
 * somebody else's error, is left out.
 */
class MessageEnds {
  private readonly fileOf = new Map<ts.SourceFile, SourceFile>();
  /** Constants, functions and methods by their names. */
  private readonly declared = new Map<string, ts.Node[]>();
  private readonly calls = new Map<string, ts.CallExpression[]>();
  private readonly seen = new Set<ts.Node>();

  constructor(private readonly files: readonly SourceFile[]) {
    for (const file of files) {
      this.fileOf.set(file.tree, file);
      for (const node of nodesOf(file.tree)) this.index(node);
    }
  }

  *all(): Generator<[place: string, text: string]> {
    for (const file of this.files)
      for (const node of nodesOf(file.tree))
        for (const piece of this.endsOf(messageOf(node)))
          yield [placeOf(this.fileOf.get(piece.getSourceFile()) ?? file, piece), piece.text];
  }

  private index(node: ts.Node): void {
    if (ts.isCallExpression(node)) add(this.calls, calledName(node), node);
    const isDeclared =
      ts.isFunctionDeclaration(node) || ts.isMethodDeclaration(node) || ts.isVariableDeclaration(node);
    if (isDeclared && node.name !== undefined) add(this.declared, node.name.getText(), node);
  }

  private *endsOf(node: ts.Node | undefined): Generator<Piece> {
    if (node === undefined || this.seen.has(node)) return;
    this.seen.add(node);
    if (ts.isStringLiteral(node) || ts.isNoSubstitutionTemplateLiteral(node)) yield node;
    else if (ts.isTemplateExpression(node)) yield* this.endsOfTemplate(node);
    else if (ts.isParenthesizedExpression(node)) yield* this.endsOf(node.expression);
    else if (ts.isConditionalExpression(node))
      for (const branch of [node.whenTrue, node.whenFalse]) yield* this.endsOf(branch);
    else if (ts.isBinaryExpression(node)) {
      if (node.operatorToken.kind !== ts.SyntaxKind.PlusToken) yield* this.endsOf(node.left);
      yield* this.endsOf(node.right);
    } else if (ts.isIdentifier(node)) yield* this.endsOfName(node);
    else if (ts.isCallExpression(node))
      for (const found of this.declarationsOf(calledName(node), node)) yield* this.endsOfDeclared(found);
  }

  /** A template may end with nothing. Then the text before it is its end. */
  private *endsOfTemplate({ head, templateSpans }: ts.TemplateExpression): Generator<Piece> {
    const last = templateSpans.at(-1);
    if (last === undefined) return;
    if (last.literal.text !== '') return yield last.literal;
    const before = templateSpans.at(-2)?.literal ?? head;
    for (const piece of this.endsOf(last.expression)) yield piece.text === '' ? before : piece;
  }

  private *endsOfName(name: ts.Identifier): Generator<Piece> {
    const owner = ts.findAncestor(name, (node) => parameterIn(node, name.text) >= 0);
    if (owner === undefined)
      for (const found of this.declarationsOf(name.text, name)) yield* this.endsOfDeclared(found);
    else
      for (const call of this.callsOf(owner))
        yield* this.endsOf(call.arguments[parameterIn(owner, name.text)]);
  }

  /** Those in the same file, and those of a function that the whole package may call by its name alone. */
  private callsOf(owner: ts.Node): ts.CallExpression[] {
    const calls = this.calls.get(nameOfFunction(owner)) ?? [];
    return calls.filter(
      (call) =>
        call.getSourceFile() === owner.getSourceFile() ||
        (ts.isFunctionDeclaration(owner) && ts.isIdentifier(call.expression)),
    );
  }

  private *endsOfDeclared(found: ts.Node): Generator<Piece> {
    const value = ts.isVariableDeclaration(found) ? found.initializer : found;
    if (value === undefined || !ts.isFunctionLike(value)) return yield* this.endsOf(value);
    const body = 'body' in value ? value.body : undefined;
    if (body === undefined || !ts.isBlock(body)) return yield* this.endsOf(body);
    const isOwn = (node: ts.Node) => !ts.isFunctionLike(node);
    for (const node of nodesOf(body, isOwn))
      if (ts.isReturnStatement(node)) yield* this.endsOf(node.expression);
  }

  /** Those of the same file; otherwise those of any file that says `export`. */
  private declarationsOf(name: string, from: ts.Node): ts.Node[] {
    const all = this.declared.get(name) ?? [];
    const near = all.filter((each) => each.getSourceFile() === from.getSourceFile());
    return near.length > 0 ? near : all.filter((each) => ts.isFunctionDeclaration(each) || isConstant(each));
  }
}

/** The places in the source at which the message of an error ends with a full stop. */
export function messagesWithFullStop(files: readonly SourceFile[]): string[] {
  const ends = [...new MessageEnds(files).all()];
  // A single word that ends with a point is a name, such as the prefix of settings.
  return ends.filter(([, text]) => /(\s.*|^|\W)\.\s*$/s.test(text)).map(([place]) => place);
}

/** The message, if the node makes an error. */
function messageOf(node: ts.Node): ts.Node | undefined {
  if (!ts.isNewExpression(node)) return undefined;
  const name = node.expression.getText();
  if (!/(Error|Problem)$/.test(name)) return undefined;
  return node.arguments?.[PLACE_OF_MESSAGE[name] ?? 0];
}

function parameterIn(node: ts.Node, name: string): number {
  return ts.isFunctionLike(node) ? node.parameters.findIndex((each) => each.name.getText() === name) : -1;
}

function nameOfFunction(node: ts.Node): string {
  const named = ts.isArrowFunction(node) || ts.isFunctionExpression(node) ? node.parent : node;
  return (named as ts.NamedDeclaration).name?.getText() ?? '';
}

/** The name of a function, or of a method of the same object. What another object does is not followed. */
function calledName({ expression }: ts.CallExpression): string {
  if (!ts.isPropertyAccessExpression(expression)) return expression.getText();
  return expression.expression.kind === ts.SyntaxKind.ThisKeyword ? expression.name.text : '';
}

function isConstant(node: ts.Node): boolean {
  return ts.isVariableDeclaration(node) && ts.isSourceFile(node.parent.parent.parent);
}

function add<T>(to: Map<string, T[]>, name: string, value: T): void {
  to.set(name, [...(to.get(name) ?? []), value]);
}
