namespace Coppice.Text.Processors;

/// <summary>Frames the ids of a text with special tokens: templates applied one after the other.</summary>
internal sealed class PostProcessor
{
    private readonly Template[] _templates;

    public PostProcessor(Template[] templates) => _templates = templates;

    /// <summary>
    /// Appends the framed <paramref name="ids"/> to <paramref name="output"/>; without special tokens only the text's own.
    /// </summary>
    public void Apply(List<int> ids, bool addSpecialTokens, List<int> output)
    {
        var current = ids;
        foreach (var template in _templates)
        {
            var next = new List<int>(current.Count + 8);
            foreach (var part in template.Parts)
            {
                if (part is null) next.AddRange(current);
                else if (addSpecialTokens) next.AddRange(part);
            }
            current = next;
        }
        output.AddRange(current);
    }
}
