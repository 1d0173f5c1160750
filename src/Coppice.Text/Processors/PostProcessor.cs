namespace Coppice.Text.Processors;

/// <summary>Frames the ids of a text with special tokens: templates applied one after the other.</summary>
internal sealed class PostProcessor
{
    private readonly Template[] _templates;
    private readonly Template[] _withoutTokens;

    public PostProcessor(Template[] templates)
    {
        _templates = templates;
        // Without special tokens most templates leave the text as it is.
        _withoutTokens = [.. templates.Where(template => template.Parts.Count(part => part is null) != 1)];
        foreach (var part in templates.SelectMany(template => template.Parts))
            foreach (var id in part ?? []) IdCount = Math.Max(IdCount, id + 1);
    }

    /// <summary>One more than the largest id in a frame, which need not be a token's; 0 where there is none.</summary>
    public int IdCount { get; }

    /// <summary>
    /// Appends the framed <paramref name="ids"/> to <paramref name="output"/>; without special tokens only the text's own.
    /// </summary>
    public void Apply(List<int> ids, bool addSpecialTokens, List<int> output)
    {
        var templates = addSpecialTokens ? _templates : _withoutTokens;
        for (var i = 0; i < templates.Length; i++)
        {
            var next = i == templates.Length - 1 ? output : new List<int>(ids.Count + 8);
            foreach (var part in templates[i].Parts)
            {
                if (part is null) next.AddRange(ids);
                else if (addSpecialTokens) next.AddRange(part);
            }
            ids = next;
        }
        if (templates.Length == 0) output.AddRange(ids);
    }
}
