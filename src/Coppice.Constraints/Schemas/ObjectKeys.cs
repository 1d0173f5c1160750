using Coppice.Constraints.Languages;

namespace Coppice.Constraints.Schemas;

/// <summary>
/// A name to try: its class, its place among the declared names (-1 for others), its place in the order of trying, and an example.
/// </summary>
internal readonly record struct KeyChoice(KeyClass Class, int Index, int Order, string Text);

/// <summary>
/// How the names of one object's members are told apart. It stays the same while members come, so that the names seen stay the same
/// numbers.
/// </summary>
internal sealed class ObjectKeys
{
    private const int MostStates = 2_000;

    private readonly SchemaCompiler _compiler;
    private readonly Dictionary<int, KeyClass> _byState = [];
    private readonly Dictionary<string, KeyChoice> _byName = new(StringComparer.Ordinal);
    private List<KeyChoice>? _choices;
    private StringLexer? _lexer;

    public ObjectKeys(SchemaCompiler compiler, int id, IEnumerable<TextLanguage> languages, IEnumerable<string> names)
    {
        _compiler = compiler;
        Id = id;
        Classifier = new TextClassifier(languages, names);
    }

    /// <summary>Equal for objects that tell names apart in the same way.</summary>
    public int Id { get; }

    public TextClassifier Classifier { get; }

    public StringLexer Lexer => _lexer ??= new StringLexer(Classifier);

    /// <summary>Whether names differ in more than being a declared one.</summary>
    public bool HasLanguages => Classifier.Languages.Length > 0;

    /// <summary>Whether <see cref="Candidates"/> has a name of each class.</summary>
    public bool IsComplete { get; private set; }

    /// <summary>The class of the name that ends in <paramref name="state"/>.</summary>
    public KeyClass ClassOf(ClassifierState state)
    {
        if (_byState.TryGetValue(state.Id, out var known)) return known;
        var name = state.Name < 0 ? null : Classifier.Names.Names[state.Name];
        var languages = Classifier.Languages.Where(state.Accepts).Select(language => language.Id).ToHashSet();
        return _byState[state.Id] = _compiler.KeyClassOf(name, languages);
    }

    /// <summary>The choice of a declared name.</summary>
    public KeyChoice Of(string name)
    {
        if (_byName.TryGetValue(name, out var known)) return known;
        var index = Array.BinarySearch(Classifier.Names.Names, name, StringComparer.Ordinal);
        return _byName[name] = new KeyChoice(ClassOf(Classifier.After(name)), index, index, name);
    }

    /// <summary>
    /// Names to try from place <paramref name="from"/> on: each declared one, then one of each class of others. Others may come again.
    /// </summary>
    public IEnumerable<KeyChoice> Candidates(int from) => Choices().Skip(from);

    private List<KeyChoice> Choices()
    {
        if (_choices is not null) return _choices;
        var choices = Classifier.Names.Names.Select(Of).ToList();
        var classes = new HashSet<int>();
        // Each state is reached first by one of its shortest texts.
        var texts = new Dictionary<int, string> { [Classifier.Start.Id] = "" };
        var queue = new Queue<ClassifierState>([Classifier.Start]);
        while (queue.TryDequeue(out var state) && texts.Count < MostStates)
        {
            if (state.Name < 0 && texts[state.Id].Length > 0 && ClassOf(state) is var found && classes.Add(found.Id))
                choices.Add(new KeyChoice(found, -1, choices.Count, texts[state.Id]));
            foreach (var codePoint in StringGoal.Choices(state))
            {
                var next = state.Next(codePoint);
                if (texts.TryAdd(next.Id, texts[state.Id] + char.ConvertFromUtf32(codePoint))) queue.Enqueue(next);
                else if (next == state && state == Classifier.Start && classes.Count == 0 && state.Name < 0
                    && classes.Add(ClassOf(state).Id))
                    choices.Add(new KeyChoice(ClassOf(state), -1, choices.Count, char.ConvertFromUtf32(codePoint)));
            }
        }
        IsComplete = queue.Count == 0;
        return _choices = choices;
    }
}
