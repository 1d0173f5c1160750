using System.Runtime.CompilerServices;

namespace Coppice.Text.Templates;

/// <summary>Turns tokens into a syntax tree, by recursive descent in the order of precedence of Jinja's own parser.</summary>
internal sealed partial class Parser
{
    /// <summary>How deeply brackets and blocks may be nested; Python's own compiler stops at 200 and 20.</summary>
    private const int MaxDepth = 100;

    private readonly List<Token> _tokens;
    private readonly Dictionary<string, BlockStatement?> _blocks = [];
    private readonly Stack<string> _openTags = new();
    private int _index;
    private int _depth;
    private Escaping _escaping;

    private Parser(List<Token> tokens) => _tokens = tokens;

    private Token Current => _tokens[_index];

    private Token Ahead => _tokens[Math.Min(_index + 1, _tokens.Count - 1)];

    /// <summary>The statements of <paramref name="template"/>, and its named blocks wherever they stand.</summary>
    public static (IReadOnlyList<Statement> Statements, IReadOnlyDictionary<string, BlockStatement> Blocks) Parse(string template)
    {
        var parser = new Parser(Lexer.Tokenize(template));
        var statements = parser.ParseBody([]);
        return (statements, parser._blocks.ToDictionary(block => block.Key, block => block.Value!));
    }

    private Token Advance()
    {
        var token = Current;
        if (token.Kind != TokenKind.End) _index++;
        return token;
    }

    private bool SkipName(string name)
    {
        if (!Current.IsName(name)) return false;
        _index++;
        return true;
    }

    private bool SkipOperator(string symbol)
    {
        if (!Current.IsOperator(symbol)) return false;
        _index++;
        return true;
    }

    private Token Expect(TokenKind kind, string what) => Current.Kind == kind ? Advance() : throw Unexpected(what);

    private void ExpectOperator(string symbol)
    {
        if (!SkipOperator(symbol)) throw Unexpected(symbol);
    }

    private void ExpectName(string name)
    {
        if (!SkipName(name)) throw Unexpected(name);
    }

    private string ExpectIdentifier() => Expect(TokenKind.Name, "name").Text;

    private TemplateException Unexpected(string expected) => Failure(Current.Kind == TokenKind.End
        ? $"unexpected end of template, expected '{expected}'."
        : $"expected token '{expected}', got '{Current.Description}'");

    private TemplateException Failure(string reason) => TemplateException.Syntax(reason, Current.Line);

    private void Enter()
    {
        if (++_depth > MaxDepth || !RuntimeHelpers.TryEnsureSufficientExecutionStack())
            throw new TemplateException(
                TemplateErrorKind.Limit, $"brackets and blocks must be at most {MaxDepth} levels deep", Current.Line);
    }

    private void Leave() => _depth--;

    /// <summary>Statements up to one of the tags in <paramref name="ends"/>, which stays current, or up to the end.</summary>
    private List<Statement> ParseBody(string[] ends)
    {
        Enter();
        var body = new List<Statement>();
        while (Current.Kind != TokenKind.End)
        {
            var token = Advance();
            switch (token.Kind)
            {
                case TokenKind.Data:
                    body.Add(new DataStatement(token.Text, token.Line));
                    break;
                case TokenKind.VariableBegin:
                    body.Add(new PrintStatement(ParseTuple(), _escaping, token.Line));
                    Expect(TokenKind.VariableEnd, "end of print statement");
                    break;
                default:
                    if (Array.Exists(ends, Current.IsName))
                    {
                        Leave();
                        return body;
                    }
                    ParseStatement(body, ends);
                    Expect(TokenKind.BlockEnd, "end of statement block");
                    break;
            }
        }
        if (ends.Length > 0) throw Failure($"Unexpected end of template. {Expected(ends)}");
        Leave();
        return body;
    }

    private string Expected(string[] ends)
    {
        var message = ends.Length == 0 ? ""
            : $"Jinja was looking for the following tags: {string.Join(" or ", ends.Select(end => $"'{end}'"))}.";
        return _openTags.Count == 0 ? message : $"{message} The innermost block that needs to be closed is '{_openTags.Peek()}'.";
    }

    private List<Statement> ParseBlockBody(params string[] ends)
    {
        SkipOperator(":");
        Expect(TokenKind.BlockEnd, "end of statement block");
        return ParseBody(ends);
    }

    private List<Statement> ParseLastBody(string end)
    {
        var body = ParseBlockBody(end);
        Advance();
        return body;
    }

    private void ParseStatement(List<Statement> body, string[] ends)
    {
        var tag = Current.Kind == TokenKind.Name ? Current : throw Failure("tag name expected");
        Advance();
        if (tag.Text == "print")
        {
            ParsePrint(body);
            return;
        }
        _openTags.Push(tag.Text);
        var statement = ParseTag(tag);
        _openTags.Pop();
        body.Add(statement
            ?? throw TemplateException.Syntax($"Encountered unknown tag '{tag.Text}'. {Expected(ends)}".TrimEnd(), tag.Line));
    }

    private Statement? ParseTag(Token tag)
    {
        switch (tag.Text)
        {
            case "for": return ParseFor(tag.Line);
            case "if": return ParseIf(tag.Line);
            case "set": return ParseSet(tag.Line);
            case "macro": return ParseMacro(tag.Line);
            case "call": return ParseCallBlock(tag.Line);
            case "generation":
                return new CallBlockStatement(null, new MacroBody(null, [], [], ParseLastBody("endgeneration"), tag.Line), tag.Line);
            case "filter": return ParseFilterBlock(tag.Line);
            case "with": return ParseWith(tag.Line);
            case "block": return ParseBlock(tag.Line);
            case "autoescape": return ParseAutoescape(tag.Line);
            case "include" or "extends" or "import" or "from": return ParseOtherTemplate(tag);
            case "break" or "continue": return new LoopControlStatement(tag.Text == "break", tag.Line);
            default: return null;
        }
    }
}
