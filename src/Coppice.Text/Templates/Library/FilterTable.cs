using System.Collections.Frozen;
using System.Numerics;

namespace Coppice.Text.Templates;

/// <summary>The filters by name: what stands after | in a template.</summary>
internal static class FilterTable
{
    /// <summary>A filter: the rendering, the value in front of |, and the arguments.</summary>
    public delegate object? Filter(Renderer renderer, object? value, Arguments arguments);

    private static readonly FrozenDictionary<string, Filter> Filters = new Dictionary<string, Filter>
    {
        ["abs"] = NumberFilters.Absolute,
        ["attr"] = CollectionFilters.Attribute,
        ["batch"] = CollectionFilters.Batch,
        ["capitalize"] = TextFilters.Map("capitalize", PythonCharacters.Capitalize),
        ["center"] = TextFilters.Center,
        ["count"] = CollectionFilters.Length,
        ["d"] = CollectionFilters.Default,
        ["default"] = CollectionFilters.Default,
        ["dictsort"] = OrderFilters.SortDict,
        ["e"] = MarkupFilters.Escape,
        ["escape"] = MarkupFilters.Escape,
        ["filesizeformat"] = NumberFilters.FileSize,
        ["first"] = CollectionFilters.First,
        ["float"] = NumberFilters.ToReal,
        ["forceescape"] = MarkupFilters.ForceEscape,
        ["format"] = TextFilters.Format,
        ["groupby"] = OrderFilters.GroupBy,
        ["indent"] = TextFilters.Indent,
        ["int"] = NumberFilters.ToInteger,
        ["items"] = CollectionFilters.Items,
        ["join"] = CollectionFilters.Join,
        ["last"] = CollectionFilters.Last,
        ["length"] = CollectionFilters.Length,
        ["list"] = CollectionFilters.ToList,
        ["lower"] = TextFilters.Map("lower", PythonCharacters.ToLower),
        ["map"] = SelectionFilters.Map,
        ["max"] = (renderer, value, arguments) => OrderFilters.Extreme(renderer, value, arguments, ">"),
        ["min"] = (renderer, value, arguments) => OrderFilters.Extreme(renderer, value, arguments, "<"),
        ["pprint"] = TextFilters.PrettyPrint,
        ["random"] = Unavailable("random", "a rendering must be repeatable"),
        ["reject"] = (renderer, value, arguments) =>
            SelectionFilters.Select(renderer, value, arguments, keep: false, byAttribute: false),
        ["rejectattr"] = (renderer, value, arguments) =>
            SelectionFilters.Select(renderer, value, arguments, keep: false, byAttribute: true),
        ["replace"] = TextFilters.Replace,
        ["reverse"] = CollectionFilters.Reverse,
        ["round"] = NumberFilters.Round,
        ["safe"] = MarkupFilters.Safe,
        ["select"] = (renderer, value, arguments) =>
            SelectionFilters.Select(renderer, value, arguments, keep: true, byAttribute: false),
        ["selectattr"] = (renderer, value, arguments) =>
            SelectionFilters.Select(renderer, value, arguments, keep: true, byAttribute: true),
        ["slice"] = CollectionFilters.Slice,
        ["sort"] = OrderFilters.Sort,
        ["string"] = TextFilters.ToText,
        ["striptags"] = MarkupFilters.StripTags,
        ["sum"] = NumberFilters.Sum,
        ["title"] = TextFilters.Title,
        ["tojson"] = JsonText.Filter,
        ["trim"] = TextFilters.Trim,
        ["truncate"] = TextFilters.Truncate,
        ["unique"] = OrderFilters.Unique,
        ["upper"] = TextFilters.Map("upper", PythonCharacters.ToUpper),
        ["urlencode"] = TextFilters.UrlEncode,
        ["urlize"] = Unavailable("urlize", "it writes web pages"),
        ["wordcount"] = TextFilters.WordCount,
        ["wordwrap"] = TextFilters.WordWrap,
        ["xmlattr"] = MarkupFilters.XmlAttributes,
    }.ToFrozenDictionary();

    /// <summary>The names of all filters, also of those that only say why they are not there.</summary>
    public static IEnumerable<string> Names => Filters.Keys;

    /// <summary>Whether there is a filter of that name.</summary>
    public static bool Contains(string name) => Filters.ContainsKey(name);

    /// <summary>The value after the filter <paramref name="name"/>.</summary>
    public static object? Apply(Renderer renderer, string name, object? value, Arguments arguments) =>
        Filters.TryGetValue(name, out var filter) ? filter(renderer, value, arguments)
            : throw TemplateException.Other($"No filter named '{name}' found.");

    private static Filter Unavailable(string name, string reason) =>
        (_, _, _) => throw TemplateException.Other($"the filter '{name}' is not available: {reason}");
}

/// <summary>The tests by name: what stands after `is` in a template.</summary>
internal static class TestTable
{
    /// <summary>A test: the rendering, the value in front of is, and the arguments.</summary>
    private delegate bool Test(Renderer renderer, object? value, Arguments arguments);

    private static readonly FrozenDictionary<string, Test> Tests = new Dictionary<string, Test>
    {
        ["odd"] = (renderer, value, _) => HasRest(renderer, value, 2, 1),
        ["even"] = (renderer, value, _) => HasRest(renderer, value, 2, 0),
        ["divisibleby"] = (renderer, value, arguments) => renderer.Comparer.AreEqual(
            renderer.Arithmetic.Apply("%", value, arguments.Bind("divisibleby", 1, "num")[0]), BigInteger.Zero),
        ["defined"] = (_, value, _) => value is not Undefined,
        ["undefined"] = (_, value, _) => value is Undefined,
        ["filter"] = (_, value, _) => Facts.IsText(value, out var name) && FilterTable.Contains(name),
        ["test"] = (_, value, _) => Facts.IsText(value, out var name) && Contains(name),
        ["none"] = (_, value, _) => value is null,
        ["boolean"] = (_, value, _) => value is bool,
        ["false"] = (_, value, _) => value is false,
        ["true"] = (_, value, _) => value is true,
        ["integer"] = (_, value, _) => value is BigInteger,
        ["float"] = (_, value, _) => value is double,
        ["lower"] = (renderer, value, _) => StringMethods.IsCase(renderer.Representation.Text(value), PythonCharacters.IsLower),
        ["upper"] = (renderer, value, _) => StringMethods.IsCase(renderer.Representation.Text(value), PythonCharacters.IsUpper),
        ["string"] = (_, value, _) => value is string or Markup,
        ["mapping"] = (_, value, _) => value is DictValue,
        ["number"] = (_, value, _) => value is bool or BigInteger or double,
        ["sequence"] = (_, value, _) => value is string or Markup or SequenceValue or DictValue or RangeValue or Undefined,
        ["iterable"] = (_, value, _) => Facts.IsIterable(value),
        ["callable"] = (_, value, _) => value is CallableValue or Undefined,
        ["sameas"] = (_, value, arguments) => IsSame(value, arguments.Bind("sameas", 1, "other")[0]),
        ["escaped"] = (_, value, _) => value is Markup,
        ["in"] = Compare("in"),
        ["=="] = Compare("=="),
        ["eq"] = Compare("=="),
        ["equalto"] = Compare("=="),
        ["!="] = Compare("!="),
        ["ne"] = Compare("!="),
        [">"] = Compare(">"),
        ["gt"] = Compare(">"),
        ["greaterthan"] = Compare(">"),
        [">="] = Compare(">="),
        ["ge"] = Compare(">="),
        ["<"] = Compare("<"),
        ["lt"] = Compare("<"),
        ["lessthan"] = Compare("<"),
        ["<="] = Compare("<="),
        ["le"] = Compare("<="),
    }.ToFrozenDictionary();

    private static readonly FrozenSet<string> WithArgument =
        Tests.Keys.Where(name => !char.IsAsciiLetter(name[0])).Concat(["divisibleby", "sameas", "in", "eq", "equalto", "ne", "gt",
            "greaterthan", "ge", "lt", "lessthan", "le"]).ToFrozenSet();

    /// <summary>The names of all tests.</summary>
    public static IEnumerable<string> Names => Tests.Keys;

    /// <summary>Whether there is a test of that name.</summary>
    public static bool Contains(string name) => Tests.ContainsKey(name);

    /// <summary>The outcome of the test <paramref name="name"/>.</summary>
    public static bool Apply(Renderer renderer, string name, object? value, Arguments arguments)
    {
        if (!Tests.TryGetValue(name, out var test)) throw TemplateException.Other($"No test named '{name}' found.");
        if (WithArgument.Contains(name)) arguments.Bind(name, 1, "other");
        else arguments.Bind(name, 0);
        return test(renderer, value, arguments);
    }

    private static Test Compare(string symbol) => (renderer, value, arguments) =>
        renderer.Ordering.Compare(symbol, value, arguments.Bind(symbol, 1, "other")[0]);

    private static bool HasRest(Renderer renderer, object? value, int divisor, int rest) =>
        renderer.Comparer.AreEqual(renderer.Arithmetic.Apply("%", value, (BigInteger)divisor), (BigInteger)rest);

    // Python shares None, the booleans and what it interned; equal plain values of one type are taken for one object here.
    private static bool IsSame(object? left, object? right) => ReferenceEquals(left, right)
        || (left is not null && right is not null && left.GetType() == right.GetType() && left is not TemplateValue && left.Equals(right));
}
