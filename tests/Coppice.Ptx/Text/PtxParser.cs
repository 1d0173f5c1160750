using System.Globalization;

namespace Coppice.Ptx.Text;

/// <summary>Reads the entries of a PTX text: the statements that ILGPU 1.5.3 and inline PTX consist of.</summary>
/// <remarks>
/// Functions are skipped: kernels call none. Source: PTX ISA 7.8, chapters 4 and 5. Directives that change nothing (.loc, .pragma,
/// .maxntid and the like) are read and dropped.
/// </remarks>
public sealed class PtxParser
{
    private readonly Tokens _tokens;
    private readonly List<Variable> _moduleShared = [];
    private readonly List<Dictionary<string, string>> _scopes = [];
    private int _scopeCount;

    private PtxParser(string text) => _tokens = new Tokens(text);

    /// <summary>All entries of <paramref name="text"/>.</summary>
    /// <exception cref="PtxException">The text is not PTX, or not such as can be read here; the message names the line.</exception>
    public static IReadOnlyList<EntryText> Parse(string text)
    {
        var parser = new PtxParser(text);
        var entries = new List<EntryText>();
        while (!parser._tokens.IsAtEnd)
            if (parser.ReadTop() is { } entry) entries.Add(entry);
        return entries;
    }

    private EntryText? ReadTop()
    {
        while (_tokens.Peek() is ".visible" or ".extern" or ".weak") _tokens.Take();
        switch (_tokens.Peek())
        {
            case ".version" or ".target" or ".address_size":
                var line = _tokens.Line;
                while (!_tokens.IsAtEnd && _tokens.Line == line) _tokens.Take();
                return null;
            case ".func":
                SkipFunction();
                return null;
            case ".entry":
                _tokens.Take();
                return ReadEntry();
            case ".shared":
                _moduleShared.Add(ReadVariable());
                return null;
            default:
                throw Unexpected("an entry, a function or a declaration");
        }
    }

    private void SkipFunction()
    {
        while (_tokens.Peek() is not (";" or "{")) _tokens.Take();
        if (_tokens.Take() == "{") _tokens.SkipBlock();
    }

    private EntryText ReadEntry()
    {
        var entry = new EntryText { Name = _tokens.Take() };
        entry.Shared.AddRange(_moduleShared);
        if (_tokens.TakeIf("("))
        {
            while (!_tokens.TakeIf(")"))
            {
                entry.Parameters.Add(ReadVariable(ended: false));
                _tokens.TakeIf(",");
            }
        }
        while (_tokens.Peek() != "{") _tokens.Take();       // .maxntid and alike
        _tokens.Take();
        _scopes.Clear();
        OpenScope();
        while (_scopes.Count > 0) ReadStatement(entry);
        return entry;
    }

    private void OpenScope()
    {
        _scopes.Add([]);
        _scopeCount++;
    }

    private void ReadStatement(EntryText entry)
    {
        switch (_tokens.Peek())
        {
            case "{":
                _tokens.Take();
                OpenScope();
                return;
            case "}":
                _tokens.Take();
                _scopes.RemoveAt(_scopes.Count - 1);
                return;
            case ";":
                _tokens.Take();
                return;
            case ".reg":
                ReadRegisters(entry);
                return;
            case ".shared":
                entry.Shared.Add(ReadVariable());
                return;
            case ".local":
                entry.Local.Add(ReadVariable());
                return;
            case ".loc" or ".pragma":
                SkipDirective();
                return;
        }
        if (_tokens.Peek(1) == ":" && _tokens.Peek(2) != ":")
        {
            entry.Labels.Add(_tokens.Take(), entry.Instructions.Count);
            _tokens.Take();
        }
        else entry.Instructions.Add(ReadInstruction());
    }

    /// <summary>.loc has no semicolon and ends with its line.</summary>
    private void SkipDirective()
    {
        var line = _tokens.Line;
        while (!_tokens.IsAtEnd && _tokens.Line == line && _tokens.Take() != ";") { }
    }

    /// <summary>.reg .b32 %r&lt;51&gt;; or .reg .f32 a, b;</summary>
    private void ReadRegisters(EntryText entry)
    {
        _tokens.Expect(".reg");
        var type = ReadType();
        do
        {
            var name = _tokens.Take();
            if (_tokens.TakeIf("<"))
            {
                var count = (int)Number(_tokens.Take());
                _tokens.Expect(">");
                for (var i = 0; i < count; i++) Declare(entry, name + i, type);
            }
            else Declare(entry, name, type);
        }
        while (_tokens.TakeIf(","));
        _tokens.Expect(";");
    }

    private void Declare(EntryText entry, string name, PtxType type)
    {
        var unique = _scopes.Count == 1 ? name : $"{_scopeCount}:{name}";
        if (!_scopes[^1].TryAdd(name, unique)) throw new PtxException($"line {_tokens.Line}: {name} is declared twice in its scope.");
        entry.Registers.Add(unique, type);
    }

    /// <summary>.shared .align 4 .b8 name[128], .param .b64 name, with its semicolon if <paramref name="ended"/>.</summary>
    private Variable ReadVariable(bool ended = true)
    {
        _tokens.Take();
        var alignment = 0;
        if (_tokens.TakeIf(".align")) alignment = (int)Number(_tokens.Take());
        var type = ReadType();
        var name = _tokens.Take();
        var count = 1;
        if (_tokens.TakeIf("["))
        {
            count = _tokens.Peek() == "]" ? 0 : (int)Number(_tokens.Take());
            _tokens.Expect("]");
        }
        if (ended) _tokens.Expect(";");
        return new Variable(name, count * type.Bytes, Math.Max(alignment, type.Bytes));
    }

    private PtxType ReadType()
    {
        var line = _tokens.Line;
        var word = _tokens.Take();
        return PtxType.Find(word.TrimStart('.')) ?? throw new PtxException($"line {line}: a type must follow, found \"{word}\".");
    }

    private Instruction ReadInstruction()
    {
        var line = _tokens.Line;
        string? guard = null;
        var negated = false;
        if (_tokens.TakeIf("@"))
        {
            negated = _tokens.TakeIf("!");
            guard = Resolve(_tokens.Take());
        }
        // "mma.sync" and ".aligned" are one word to the tokenizer; L1::no_allocate is four.
        var opcode = _tokens.Take();
        while (_tokens.Peek() == ":")
        {
            _tokens.Take();
            _tokens.Expect(":");
            opcode += "::" + _tokens.Take();
        }
        var operands = new List<Operand>();
        while (!_tokens.TakeIf(";"))
        {
            operands.Add(ReadOperand());
            _tokens.TakeIf(",");
        }
        return new Instruction(line, guard, negated, opcode.Split('.'), operands);
    }

    private Operand ReadOperand()
    {
        if (_tokens.TakeIf("!")) return new NegatedOperand(ReadOperand());
        if (_tokens.TakeIf("{"))
        {
            var elements = new List<Operand>();
            while (!_tokens.TakeIf("}"))
            {
                elements.Add(ReadOperand());
                _tokens.TakeIf(",");
            }
            return new VectorOperand(elements);
        }
        if (_tokens.TakeIf("[")) return ReadAddress();
        var word = _tokens.Peek() == "-" ? _tokens.Take() + _tokens.Take() : _tokens.Take();
        Operand operand = IsNumber(word) ? new NumberOperand(Number(word)) : new NameOperand(Resolve(word));
        return _tokens.TakeIf("|") ? new PairOperand(operand, ReadOperand()) : operand;
    }

    private AddressOperand ReadAddress()
    {
        var word = _tokens.Take();
        string? name = null;
        long offset = 0;
        if (IsNumber(word)) offset = (long)Number(word);
        else name = Resolve(word);
        while (_tokens.Peek() is "+" or "-")
        {
            var sign = _tokens.Take() == "-" ? -1 : 1;
            if (_tokens.TakeIf("-")) sign = -sign;
            offset += sign * (long)Number(_tokens.Take());
        }
        _tokens.Expect("]");
        return new AddressOperand(name, offset);
    }

    /// <summary>The unique name of a register of the innermost scope that has one; any other name as it is.</summary>
    private string Resolve(string name)
    {
        for (var i = _scopes.Count - 1; i >= 0; i--)
            if (_scopes[i].TryGetValue(name, out var unique)) return unique;
        return name;
    }

    private static bool IsNumber(string word) => char.IsAsciiDigit(word[0]) || (word[0] == '-' && word.Length > 1);

    /// <summary>12, -3, 0x1f, 12U, 0f3F800000, 0d3FF0000000000000.</summary>
    private static ulong Number(string word)
    {
        if (word[0] == '-') return unchecked((ulong)-(long)Number(word[1..]));
        var invariant = CultureInfo.InvariantCulture;
        if (word.Length > 2 && word[0] == '0' && char.ToLowerInvariant(word[1]) is 'f' or 'd' or 'x')
            return ulong.Parse(word.AsSpan(2).TrimEnd('U'), NumberStyles.HexNumber, invariant);
        return ulong.Parse(word.AsSpan().TrimEnd('U'), NumberStyles.None, invariant);
    }

    private PtxException Unexpected(string expected) =>
        new($"line {_tokens.Line}: {expected} must follow, found \"{_tokens.Peek()}\".");
}
