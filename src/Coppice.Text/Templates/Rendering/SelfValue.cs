namespace Coppice.Text.Templates;

/// <summary>The variable self: the template's blocks by name, to be run once more with <c>self.name()</c>.</summary>
internal sealed class SelfValue(IReadOnlyDictionary<string, BlockStatement> blocks) : TemplateValue
{
    public override string TypeName => "TemplateReference";

    public override object? Attribute(string name) =>
        blocks.TryGetValue(name, out var block) ? new BlockValue(block) : Missing.Value;

    public override string Represent(Representation writer) => "<TemplateReference None>";
}

/// <summary>A named block that can be called.</summary>
internal sealed class BlockValue(BlockStatement block) : CallableValue
{
    public override string TypeName => "BlockReference";

    public override object? Attribute(string name) =>
        name == "super" ? new Undefined($"there is no parent block called '{block.Name}'.") : Missing.Value;

    public override object? Call(Renderer renderer, Arguments arguments)
    {
        arguments.Bind(block.Name, 0);
        return renderer.RunBlock(block);
    }
}
